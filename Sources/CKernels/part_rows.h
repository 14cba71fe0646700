// Rows of a matrix. A row is read more than once, from the nearest cache.

static void add_row_kernel(size_t rows, size_t columns, const float *x, const float *row, float *y) {
  for (size_t r = 0; r < rows; r++, x += columns, y += columns) { EACH(columns, STORE(y, LOAD(x) + LOAD(row));); }
}

static void accumulate_rows_kernel(size_t rows, size_t columns, const float *x, float *sum) {
  // Strips of four vectors stay in registers down the rows.
  size_t start = 0;
  for (; start + 4 * W <= columns; start += 4 * W) {
    vf s0 = load(sum + start), s1 = load(sum + start + W);
    vf s2 = load(sum + start + 2 * W), s3 = load(sum + start + 3 * W);
    for (size_t r = 0; r < rows; r++) {
      const float *p = x + r * columns + start;
      s0 += load(p);
      s1 += load(p + W);
      s2 += load(p + 2 * W);
      s3 += load(p + 3 * W);
    }
    store(sum + start, s0);
    store(sum + start + W, s1);
    store(sum + start + 2 * W, s2);
    store(sum + start + 3 * W, s3);
  }
  for (size_t r = 0; r < rows && start < columns; r++) {
    accumulate_kernel(columns - start, 1.0f, x + r * columns + start, sum + start);
  }
}

static void softmax_rows_kernel(size_t rows, size_t columns, float scale, const float *x, float *y) {
  for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
    // The maximum of scale * x, whatever the sign of scale.
    vf top = (vf)-INFINITY;
    EACH(columns, {
      vf v = LOAD(x) * scale;
      top = vmax(top, part ? first_lanes(v, part, -INFINITY) : v);
    });
    float shift = largest_of(top);
    if (shift == -INFINITY) shift = 0; // a row of -inf gives nan below, as 0 / 0 should
    vf sums = 0;
    EACH(columns, {
      vf e = exp_of(LOAD(x) * scale - shift);
      STORE(y, e);
      sums += part ? first_lanes(e, part, 0.0f) : e;
    });
    float factor = 1.0f / sum_of(sums);
    EACH(columns, STORE(y, LOAD(y) * factor););
  }
}

INLINE float row_dot(size_t columns, const float *a, const float *b) {
  vf s0 = 0, s1 = 0;
  size_t i = 0;
  for (; i + 2 * W <= columns; i += 2 * W) {
    s0 += load(a + i) * load(b + i);
    s1 += load(a + i + W) * load(b + i + W);
  }
  for (; i + W <= columns; i += W) s0 += load(a + i) * load(b + i);
  if (i < columns) s1 += load_part(a + i, columns - i) * load_part(b + i, columns - i);
  return sum_of(s0 + s1);
}

static void softmax_gradient_rows_kernel(size_t rows, size_t columns, float scale, const float *y, const float *dy,
                                         float *dx) {
  for (size_t r = 0; r < rows; r++, y += columns, dy += columns, dx += columns) {
    float mean = row_dot(columns, y, dy);
    EACH(columns, STORE(dx, LOAD(y) * (LOAD(dy) - mean) * scale););
  }
}

INLINE float row_logsumexp(size_t columns, const float *x) {
  vf top = (vf)-INFINITY;
  EACH(columns, {
    vf v = LOAD(x);
    top = vmax(top, part ? first_lanes(v, part, -INFINITY) : v);
  });
  float shift = largest_of(top);
  if (!(shift > -INFINITY && shift < INFINITY)) return shift; // empty, all -inf, or an inf; a nan comes out of the sum
  vf sums = 0;
  EACH(columns, {
    vf e = exp_of(LOAD(x) - shift);
    sums += part ? first_lanes(e, part, 0.0f) : e;
  });
  return shift + logf(sum_of(sums));
}

static void log_softmax_rows_kernel(size_t rows, size_t columns, const float *x, float *y) {
  for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
    float total = row_logsumexp(columns, x);
    EACH(columns, STORE(y, LOAD(x) - total););
  }
}

static void log_softmax_gradient_rows_kernel(size_t rows, size_t columns, const float *y, const float *dy, float *dx) {
  for (size_t r = 0; r < rows; r++, y += columns, dy += columns, dx += columns) {
    vf sums = 0;
    EACH(columns, sums += LOAD(dy););
    float total = sum_of(sums);
    EACH(columns, STORE(dx, LOAD(dy) - exp_of(LOAD(y)) * total););
  }
}

static void logsumexp_rows_kernel(size_t rows, size_t columns, const float *x, float *y) {
  for (size_t r = 0; r < rows; r++) y[r] = row_logsumexp(columns, x + r * columns);
}

static void layer_norm_rows_kernel(size_t rows, size_t columns, const float *x, const float *scale, const float *shift,
                                   float epsilon, float *y, float *mean, float *rstd) {
  float share = 1.0f / (float)columns;
  for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
    vf sums = 0;
    EACH(columns, sums += LOAD(x););
    float m = sum_of(sums) * share;
    vf squares = 0;
    EACH(columns, {
      vf d = LOAD(x) - m;
      if (part) d = first_lanes(d, part, 0.0f);
      squares += d * d;
    });
    float s = 1.0f / sqrtf(sum_of(squares) * share + epsilon);
    EACH(columns, STORE(y, (LOAD(x) - m) * s * LOAD(scale) + LOAD(shift)););
    mean[r] = m;
    rstd[r] = s;
  }
}

static void layer_norm_again_rows_kernel(size_t rows, size_t columns, const float *x, const float *scale,
                                         const float *shift, const float *mean, const float *rstd, float *y) {
  for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
    float m = mean[r], s = rstd[r];
    EACH(columns, STORE(y, (LOAD(x) - m) * s * LOAD(scale) + LOAD(shift)););
  }
}

static void layer_norm_gradient_rows_kernel(size_t rows, size_t columns, const float *x, const float *scale,
                                            const float *mean, const float *rstd, const float *dy,
                                            const float *residual, float *dx, float *dscale, float *dshift) {
  float share = 1.0f / (float)columns;
  for (size_t r = 0; r < rows; r++, x += columns, dy += columns, dx += columns) {
    float m = mean[r], s = rstd[r];
    vf sum_g = 0, sum_gx = 0;
    EACH(columns, {
      vf upstream = LOAD(dy);
      vf standard = (LOAD(x) - m) * s;
      vf g = upstream * LOAD(scale);
      sum_g += g;
      sum_gx += g * standard;
      STORE(dscale, LOAD(dscale) + upstream * standard);
      STORE(dshift, LOAD(dshift) + upstream);
    });
    float mean_g = sum_of(sum_g) * share, mean_gx = sum_of(sum_gx) * share;
    EACH(columns, {
      vf standard = (LOAD(x) - m) * s;
      vf d = (LOAD(dy) * LOAD(scale) - mean_g - standard * mean_gx) * s;
      if (residual) d += LOAD(residual);
      STORE(dx, d);
    });
    if (residual) residual += columns;
  }
}

// Lengths between these have squares that float32 holds with all their digits, and so have their parts that count.
#define SHORTEST_LENGTH 0x1p-40f
#define LONGEST_LENGTH 0x1p40f

// A row whose sum of squares is beyond what float32 holds, or loses digits in it: once more in double precision, which holds
// the squares of all floats. Rows of zeros and rows that are not finite come here too.
static double unit_row_in_double(size_t columns, const float *x, float epsilon, float *y) {
  double squares = 0;
  for (size_t i = 0; i < columns; i++) squares += (double)x[i] * (double)x[i];
  double length = squares > 0 || squares != squares ? sqrt(squares) : (double)epsilon;
  for (size_t i = 0; i < columns; i++) y[i] = (float)((double)x[i] / length);
  return length;
}

static void normalise_rows_kernel(size_t rows, size_t columns, const float *x, float epsilon, float *y, double *norm) {
  for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
    float length = sqrtf(row_dot(columns, x, x));
    if (!(length >= SHORTEST_LENGTH && length <= LONGEST_LENGTH)) {
      norm[r] = unit_row_in_double(columns, x, epsilon, y);
      continue;
    }
    norm[r] = (double)length;
    EACH(columns, STORE(y, LOAD(x) / length););
  }
}

static void unit_row_gradient_in_double(size_t columns, const float *y, double length, const float *dy, float *dx) {
  double along = 0;
  for (size_t i = 0; i < columns; i++) along += (double)y[i] * (double)dy[i];
  for (size_t i = 0; i < columns; i++) dx[i] = (float)(((double)dy[i] - (double)y[i] * along) / length);
}

static void normalise_gradient_rows_kernel(size_t rows, size_t columns, const float *y, const double *norm,
                                           const float *dy, float *dx) {
  for (size_t r = 0; r < rows; r++, y += columns, dy += columns, dx += columns) {
    float length = (float)norm[r];
    if (!(length >= SHORTEST_LENGTH && length <= LONGEST_LENGTH)) {
      unit_row_gradient_in_double(columns, y, norm[r], dy, dx);
      continue;
    }
    float along = row_dot(columns, y, dy);
    float factor = 1.0f / length;
    EACH(columns, STORE(dx, (LOAD(dy) - LOAD(y) * along) * factor););
  }
}
#undef SHORTEST_LENGTH
#undef LONGEST_LENGTH
