// Convolution without patches in memory: a tile of pixels by two vectors of outputs stays in registers while the taps go by.

// Pixels of a tile: as many as there are registers for their sums and general registers for their addresses.
#if W == 16
#define TILE_PIXELS 12
#else
#define TILE_PIXELS 6
#endif
#define EACH_PIXEL _Pragma("clang loop unroll(full)") for (int p = 0; p < TILE_PIXELS; p++)

// One tile, `vectors` (1 or 2) times W outputs wide; `valid` pixels of it are stored, of the last vector `part` lanes (0: all).
INLINE void convolve_tile(int vectors, size_t valid, const ptrdiff_t *sources, const ptrdiff_t *targets, const float *x,
                          size_t rows, const ptrdiff_t *row_offsets, size_t length, const float *weights,
                          const float *bias, size_t part, float *y) {
  vf sums[TILE_PIXELS][2];
  const float *pixels[TILE_PIXELS];
  vf start0 = bias ? load(bias) : (vf)0, start1 = bias && vectors == 2 ? load(bias + W) : (vf)0;
  EACH_PIXEL {
    sums[p][0] = start0;
    sums[p][1] = start1;
    pixels[p] = x + sources[(size_t)p < valid ? p : 0];
  }
  for (size_t row = 0; row < rows; row++) {
    ptrdiff_t end = row_offsets[row] + (ptrdiff_t)length;
    for (ptrdiff_t i = row_offsets[row]; i < end; i++) {
      vf w0 = load(weights), w1 = vectors == 2 ? load(weights + W) : (vf)0;
      EACH_PIXEL {
        vf value = (vf)pixels[p][i];
        sums[p][0] = value * w0 + sums[p][0];
        if (vectors == 2) sums[p][1] = value * w1 + sums[p][1];
      }
      weights += CK_CONVOLUTION_BLOCK;
    }
  }
  EACH_PIXEL {
    if ((size_t)p < valid) {
      float *target = y + targets[p];
      if (vectors == 2) store(target, sums[p][0]);
      float *last = vectors == 2 ? target + W : target;
      if (part) {
        store_part(last, sums[p][vectors - 1], part);
      } else {
        store(last, sums[p][vectors - 1]);
      }
    }
  }
}

static void convolve_kernel(size_t positions, const ptrdiff_t *sources, const ptrdiff_t *targets, const float *x,
                            size_t rows, const ptrdiff_t *row_offsets, size_t length, const float *weights,
                            size_t columns, const float *bias, float *y) {
  for (size_t first = 0; first < positions; first += TILE_PIXELS) {
    size_t valid = positions - first < TILE_PIXELS ? positions - first : TILE_PIXELS;
    for (size_t column = 0; column < columns; column += 2 * W) {
      size_t width = columns - column < 2 * W ? columns - column : 2 * W;
      const float *start = bias ? bias + column : NULL;
      if (width > W) {
        convolve_tile(2, valid, sources + first, targets + first, x, rows, row_offsets, length, weights + column, start,
                      width % W, y + column);
      } else {
        convolve_tile(1, valid, sources + first, targets + first, x, rows, row_offsets, length, weights + column, start,
                      width % W, y + column);
      }
    }
  }
}
#undef EACH_PIXEL
#undef TILE_PIXELS

// `count` values of a patch by `vectors` times W outputs, summed over the pixels in registers: as many as there are for
// their sums, two gradients and a value.
#if W == 16
#define TILE_VALUES 12
#else
#define TILE_VALUES 6
#endif
#define EACH_VALUE _Pragma("clang loop unroll(full)") for (int k = 0; k < count; k++)
INLINE void gradient_tile(int count, int vectors, size_t positions, const ptrdiff_t *sources, const ptrdiff_t *targets,
                          const float *x, const float *dy, size_t part, float *dweights) {
  vf sums[TILE_VALUES][2];
  EACH_VALUE {
    sums[k][0] = load(dweights + k * CK_CONVOLUTION_BLOCK);
    sums[k][1] = vectors == 2 ? load(dweights + k * CK_CONVOLUTION_BLOCK + W) : (vf)0;
  }
  for (size_t p = 0; p < positions; p++) {
    const float *source = x + sources[p], *upstream = dy + targets[p];
    const float *last = vectors == 2 ? upstream + W : upstream;
    vf g1 = part ? load_part(last, part) : load(last);
    vf g0 = vectors == 2 ? load(upstream) : g1;
    EACH_VALUE {
      vf value = (vf)source[k];
      sums[k][0] = value * g0 + sums[k][0];
      if (vectors == 2) sums[k][1] = value * g1 + sums[k][1];
    }
  }
  EACH_VALUE {
    store(dweights + k * CK_CONVOLUTION_BLOCK, sums[k][0]);
    if (vectors == 2) store(dweights + k * CK_CONVOLUTION_BLOCK + W, sums[k][1]);
  }
}

INLINE void gradient_run(int vectors, size_t positions, const ptrdiff_t *sources, const ptrdiff_t *targets,
                         const float *x, size_t length, const float *dy, size_t part, float *dweights) {
  size_t i = 0;
  for (; i + TILE_VALUES <= length; i += TILE_VALUES) {
    gradient_tile(TILE_VALUES, vectors, positions, sources, targets, x + i, dy, part, dweights + i * CK_CONVOLUTION_BLOCK);
  }
  for (; i + 3 <= length; i += 3) {
    gradient_tile(3, vectors, positions, sources, targets, x + i, dy, part, dweights + i * CK_CONVOLUTION_BLOCK);
  }
  for (; i < length; i++) {
    gradient_tile(1, vectors, positions, sources, targets, x + i, dy, part, dweights + i * CK_CONVOLUTION_BLOCK);
  }
}
#undef EACH_VALUE
#undef TILE_VALUES

static void convolution_gradient_kernel(size_t positions, const ptrdiff_t *sources, const ptrdiff_t *targets,
                                        const float *x, size_t rows, const ptrdiff_t *row_offsets, size_t length,
                                        const float *dy, size_t columns, float *dweights) {
  enum { pixels = 64 }; // their values and gradients stay in the first cache while all sums see them
  for (size_t first = 0; first < positions; first += pixels) {
    size_t count = positions - first < pixels ? positions - first : pixels;
    const ptrdiff_t *from = sources + first, *to = targets + first;
    for (size_t column = 0; column < columns; column += 2 * W) {
      size_t width = columns - column < 2 * W ? columns - column : 2 * W, part = width % W;
      for (size_t row = 0; row < rows; row++) {
        float *sums = dweights + row * length * CK_CONVOLUTION_BLOCK + column;
        const float *source = x + row_offsets[row];
        if (width > W && part) {
          gradient_run(2, count, from, to, source, length, dy + column, part, sums);
        } else if (width > W) {
          gradient_run(2, count, from, to, source, length, dy + column, 0, sums);
        } else if (part) {
          gradient_run(1, count, from, to, source, length, dy + column, part, sums);
        } else {
          gradient_run(1, count, from, to, source, length, dy + column, 0, sums);
        }
      }
    }
  }
}
