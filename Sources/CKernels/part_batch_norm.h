// Batch normalisation: x is [rows, columns], one statistic a column.

// Columns in groups of four vectors, each group down all the rows, so that the sums stay in registers.
// BODY(v, at) works on one vector `at` floats from the start of its row; `r` is the row's offset.
#define COLUMN_SUMS(rows, columns, sums, BODY)                                                                         \
  do {                                                                                                                 \
    size_t start = 0;                                                                                                  \
    for (; start + 4 * W <= (columns); start += 4 * W) {                                                               \
      vf s0[sums], s1[sums], s2[sums], s3[sums];                                                                       \
      for (int k = 0; k < (sums); k++) s0[k] = s1[k] = s2[k] = s3[k] = 0;                                              \
      for (size_t row = 0; row < (rows); row++) {                                                                      \
        size_t r = row * (columns);                                                                                    \
        BODY(s0, start, 0);                                                                                            \
        BODY(s1, start + W, 0);                                                                                        \
        BODY(s2, start + 2 * W, 0);                                                                                    \
        BODY(s3, start + 3 * W, 0);                                                                                    \
      }                                                                                                                \
      for (int k = 0; k < (sums); k++) {                                                                               \
        store(out[k] + start, load(out[k] + start) + s0[k]);                                                           \
        store(out[k] + start + W, load(out[k] + start + W) + s1[k]);                                                   \
        store(out[k] + start + 2 * W, load(out[k] + start + 2 * W) + s2[k]);                                           \
        store(out[k] + start + 3 * W, load(out[k] + start + 3 * W) + s3[k]);                                           \
      }                                                                                                                \
    }                                                                                                                  \
    for (; start < (columns); start += W) {                                                                            \
      size_t part = (columns) - start < W ? (columns) - start : 0;                                                     \
      vf s0[sums];                                                                                                     \
      for (int k = 0; k < (sums); k++) s0[k] = 0;                                                                      \
      for (size_t row = 0; row < (rows); row++) {                                                                      \
        size_t r = row * (columns);                                                                                    \
        BODY(s0, start, part);                                                                                         \
      }                                                                                                                \
      size_t i = start;                                                                                                \
      for (int k = 0; k < (sums); k++) STORE(out[k], LOAD(out[k]) + s0[k]);                                            \
    }                                                                                                                  \
  } while (0)
#define AT(p, at, part) ((part) ? load_part((p) + (at), part) : load((p) + (at)))

static void squared_deviation_rows_kernel(size_t rows, size_t columns, const float *x, const float *centre,
                                          float *sum) {
  float *out[1] = {sum};
#define BODY(s, at, part)                                                                                              \
  do {                                                                                                                 \
    vf d = AT(x + r, at, part) - AT(centre, at, part);                                                                 \
    s[0] += d * d;                                                                                                     \
  } while (0)
  COLUMN_SUMS(rows, columns, 1, BODY);
#undef BODY
}

static void batch_norm_sums_rows_kernel(size_t rows, size_t columns, const float *x, const float *centre,
                                        const float *y, const float *dy, float *dshift, float *dscale) {
  float *out[2] = {dshift, dscale};
#define BODY(s, at, part)                                                                                              \
  do {                                                                                                                 \
    vf g = AT(dy + r, at, part);                                                                                       \
    if (y) g = AT(y + r, at, part) > 0 ? g : (vf)0;                                                                    \
    s[0] += g;                                                                                                         \
    s[1] += g * (AT(x + r, at, part) - AT(centre, at, part));                                                          \
  } while (0)
  if (y) {
    COLUMN_SUMS(rows, columns, 2, BODY);
  } else {
    COLUMN_SUMS(rows, columns, 2, BODY);
  }
#undef BODY
}

#undef AT
#undef COLUMN_SUMS

static void batch_norm_rows_kernel(size_t rows, size_t columns, const float *x, const float *centre, const float *scale,
                                   const float *shift, const float *residual, int relu, float *y) {
  vf floor = (vf)(relu ? 0.0f : -INFINITY);
  for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
    if (residual) {
      EACH(columns, {
        vf v = (LOAD(x) - LOAD(centre)) * LOAD(scale) + LOAD(shift) + LOAD(residual);
        STORE(y, v < floor ? floor : v); // nan stays nan
      });
      residual += columns;
    } else {
      EACH(columns, {
        vf v = (LOAD(x) - LOAD(centre)) * LOAD(scale) + LOAD(shift);
        STORE(y, v < floor ? floor : v);
      });
    }
  }
}

static void batch_norm_gradient_rows_kernel(size_t rows, size_t columns, const float *x, const float *centre,
                                            const float *y, const float *dy, const float *a, const float *b,
                                            const float *c, float *dx, float *dresidual) {
  for (size_t r = 0; r < rows; r++, x += columns, dy += columns, dx += columns) {
    EACH(columns, {
      vf g = LOAD(dy);
      if (y) g = LOAD(y) > 0 ? g : (vf)0;
      if (dresidual) STORE(dresidual, g);
      STORE(dx, LOAD(a) * g + LOAD(b) * (LOAD(x) - LOAD(centre)) + LOAD(c));
    });
    if (y) y += columns;
    if (dresidual) dresidual += columns;
  }
}
