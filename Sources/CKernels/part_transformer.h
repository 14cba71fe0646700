// What lies between the products of a transformer's block, each in one pass over memory: with dropout's masks made on the way.

// Whether the elements from `position` on are kept. The masks are those of `dropout`.
typedef struct {
  uint64_t key, block;
  uint32_t threshold;
  stream_key stream;
} mask_stream;

INLINE mask_stream mask_from(uint64_t key, uint64_t position, uint32_t threshold) {
  return (mask_stream){key, position >> 32, threshold, key_of(key, position >> 32)};
}

// The lanes of the W elements from `position` on; they may reach past a multiple of 2^32, where the stream's key changes.
INLINE vi kept(mask_stream *mask, uint64_t position) {
  if (__builtin_expect(position >> 32 != mask->block, 0)) *mask = mask_from(mask->key, position, mask->threshold);
  vu counter = (vu)lane_numbers() + (uint32_t)position;
  vi keep = random_bits(counter, mask->stream) >= (vu)mask->threshold;
  if (__builtin_expect((uint32_t)position > 0xffffffffu - (W - 1), 0)) {
    vi next = random_bits(counter, key_of(mask->key, mask->block + 1)) >= (vu)mask->threshold;
    keep = (vi)counter < (vi)0 ? keep : next;
  }
  return keep;
}

enum { MOST_VECTORS = 6 };

#define WITH_OR_WITHOUT(...)                                                                                           \
  if (threshold) {                                                                                                     \
    enum { drops = 1 };                                                                                                \
    __VA_ARGS__                                                                                                               \
  } else {                                                                                                             \
    enum { drops = 0 };                                                                                                \
    __VA_ARGS__                                                                                                               \
  }

// A row of `vectors` vectors, the last of them with `tail` lanes, from scores to weights without leaving the registers.
INLINE void softmax_dropout_row(int vectors, int drops, size_t tail, float factor, const float *x, mask_stream *mask,
                                uint64_t position, float keep_scale, float *y, float *dropped) {
  vf v[MOST_VECTORS];
  vf top = (vf)-INFINITY;
  for (int j = 0; j < vectors; j++) {
    int last = j == vectors - 1;
    v[j] = (last ? load_part(x + j * W, tail) : load(x + j * W)) * factor;
    top = vmax(top, last ? first_lanes(v[j], tail, -INFINITY) : v[j]);
  }
  float shift = largest_of(top);
  if (shift == -INFINITY) shift = 0; // a row of -inf gives nan below, as 0 / 0 should
  vf sums = 0;
  for (int j = 0; j < vectors; j++) {
    v[j] = exp_of(v[j] - shift);
    sums += j == vectors - 1 ? first_lanes(v[j], tail, 0.0f) : v[j];
  }
  float share = 1.0f / sum_of(sums);
  for (int j = 0; j < vectors; j++) {
    vf p = v[j] * share;
    vf q = drops ? choose(kept(mask, position + j * W), p * keep_scale, (vf)0.0f) : p;
    if (j < vectors - 1) {
      store(y + j * W, p);
      store(dropped + j * W, q);
    } else {
      store_part(y + j * W, p, tail);
      store_part(dropped + j * W, q, tail);
    }
  }
}

#define ROWS_OF(n)                                                                                                     \
  case n:                                                                                                              \
    for (size_t r = 0; r < rows; r++) {                                                                                \
      softmax_dropout_row(n, drops, columns - (n - 1) * W, row_scales ? scale * row_scales[r] : scale, x + r * columns, \
                          &mask, offset + r * columns, keep_scale, y + r * columns, dropped + r * columns);            \
    }                                                                                                                  \
    break;

static void softmax_dropout_rows_kernel(size_t rows, size_t columns, float scale, const float *row_scales, const float *x,
                                        uint64_t key, uint64_t offset, uint32_t threshold, float keep_scale, float *y,
                                        float *dropped) {
  mask_stream mask = mask_from(key, offset, threshold);
  WITH_OR_WITHOUT({
    switch ((columns + W - 1) / W) {
      ROWS_OF(1)
      ROWS_OF(2)
      ROWS_OF(3)
      ROWS_OF(4)
      ROWS_OF(5)
      ROWS_OF(6)
    default: // longer rows, one after the other from the cache
      for (size_t r = 0; r < rows; r++, offset += columns) {
        float factor = row_scales ? scale * row_scales[r] : scale;
        softmax_rows_kernel(1, columns, factor, x + r * columns, y + r * columns);
        if (drops) {
          dropout_kernel(columns, key, offset, threshold, keep_scale, y + r * columns, dropped + r * columns);
        } else if (y != dropped) {
          memcpy(dropped + r * columns, y + r * columns, columns * sizeof(float));
        }
      }
    }
  })
}
#undef ROWS_OF

static void softmax_dropout_gradient_rows_kernel(size_t rows, size_t columns, float scale, const float *row_scales,
                                                 const float *y, const float *dropped, const float *dy, float *dx) {
  for (size_t r = 0; r < rows; r++, y += columns, dropped += columns, dy += columns, dx += columns) {
    float factor = row_scales ? scale * row_scales[r] : scale;
    float mean = row_dot(columns, dropped, dy);
    EACH(columns, STORE(dx, (LOAD(dropped) * LOAD(dy) - LOAD(y) * mean) * factor););
  }
}

static void bias_gelu_dropout_rows_kernel(size_t rows, size_t columns, const float *x, const float *bias, uint64_t key,
                                          uint64_t offset, uint32_t threshold, float keep_scale, float *y, float *z) {
  mask_stream mask = mask_from(key, offset, threshold);
  WITH_OR_WITHOUT({
    for (size_t r = 0; r < rows; r++, x += columns, y += columns, z += columns, offset += columns) {
      EACH(columns, {
        vf v = LOAD(x) + LOAD(bias);
        STORE(y, v);
        vf g = gelu_of(v);
        if (drops) g = choose(kept(&mask, offset + i), g * keep_scale, (vf)0.0f);
        STORE(z, g);
      });
    }
  })
}

static void gelu_dropout_gradient_kernel(size_t n, uint64_t key, uint64_t offset, uint32_t threshold, float keep_scale,
                                         const float *x, const float *dz, float *z, float *dx) {
  mask_stream mask = mask_from(key, offset, threshold);
  WITH_OR_WITHOUT({
    EACH(n, {
      vf v = LOAD(x);
      vf slope;
      vf g = gelu_with_slope_of(v, &slope);
      vf upstream = LOAD(dz);
      if (drops) {
        vi keep = kept(&mask, offset + i);
        g = choose(keep, g * keep_scale, (vf)0.0f);
        upstream = choose(keep, upstream * keep_scale, (vf)0.0f);
      }
      STORE(z, g);
      STORE(dx, upstream * slope);
    });
  })
}
#undef WITH_OR_WITHOUT
