// Winograd's F(4 x 4, 3 x 3): the transforms, vectorised over channels. Products of the transformed values are made elsewhere.
//
// The polynomials are evaluated at 0, 3/4, -3/4, 3/2, -3/2 and infinity. These numbers are exact in binary, and the largest error
// of a convolution is a sixth of that with the usual 0, 1, -1, 2, -2.
#define POINT_A 0.75f
#define POINT_B 1.5f
#define A2 (POINT_A * POINT_A)
#define B2 (POINT_B * POINT_B)
#define SCALE_A (1 / (2 * A2 * (A2 - B2)))
#define SCALE_B (1 / (2 * B2 * (B2 - A2)))
#define UNROLL _Pragma("clang loop unroll(full)")

// Six pixels of a line, `step` vectors apart.
INLINE void line_of_input(const vf *x, int step, vf *y) {
  vf x0 = x[0], x1 = x[step], x2 = x[2 * step], x3 = x[3 * step], x4 = x[4 * step], x5 = x[5 * step];
  vf even_a = x4 - B2 * x2, odd_a = x3 - B2 * x1, even_b = x4 - A2 * x2, odd_b = x3 - A2 * x1;
  y[0] = A2 * B2 * x0 - (A2 + B2) * x2 + x4;
  y[1] = even_a + POINT_A * odd_a;
  y[2] = even_a - POINT_A * odd_a;
  y[3] = even_b + POINT_B * odd_b;
  y[4] = even_b - POINT_B * odd_b;
  y[5] = A2 * B2 * x1 - (A2 + B2) * x3 + x5;
}

// Six products to four pixels, and the transpose of that.
INLINE void line_of_output(const vf *m, int step, vf *y) {
  vf sum_a = m[step] + m[2 * step], difference_a = m[step] - m[2 * step];
  vf sum_b = m[3 * step] + m[4 * step], difference_b = m[3 * step] - m[4 * step];
  y[0] = m[0] + sum_a + sum_b;
  y[1] = POINT_A * difference_a + POINT_B * difference_b;
  y[2] = A2 * sum_a + B2 * sum_b;
  y[3] = POINT_A * A2 * difference_a + POINT_B * B2 * difference_b + m[5 * step];
}

INLINE void line_of_upstream(const vf *y, int step, vf *m) {
  vf y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
  vf even_a = y0 + A2 * y2, odd_a = POINT_A * (y1 + A2 * y3), even_b = y0 + B2 * y2, odd_b = POINT_B * (y1 + B2 * y3);
  m[0] = y0;
  m[1] = even_a + odd_a;
  m[2] = even_a - odd_a;
  m[3] = even_b + odd_b;
  m[4] = even_b - odd_b;
  m[5] = y3;
}

// Three weights to six, and the transpose of that.
INLINE void line_of_weights(const vf *w, int step, vf *u) {
  vf w0 = w[0], w1 = w[step], w2 = w[2 * step];
  vf even_a = SCALE_A * (w0 + A2 * w2), odd_a = SCALE_A * POINT_A * w1;
  vf even_b = SCALE_B * (w0 + B2 * w2), odd_b = SCALE_B * POINT_B * w1;
  u[0] = w0 * (1 / (A2 * B2));
  u[1] = even_a + odd_a;
  u[2] = even_a - odd_a;
  u[3] = even_b + odd_b;
  u[4] = even_b - odd_b;
  u[5] = w2;
}

INLINE void line_of_weight_gradient(const vf *u, int step, vf *w) {
  vf sum_a = SCALE_A * (u[step] + u[2 * step]), difference_a = SCALE_A * POINT_A * (u[step] - u[2 * step]);
  vf sum_b = SCALE_B * (u[3 * step] + u[4 * step]), difference_b = SCALE_B * POINT_B * (u[3 * step] - u[4 * step]);
  w[0] = u[0] * (1 / (A2 * B2)) + sum_a + sum_b;
  w[1] = difference_a + difference_b;
  w[2] = A2 * sum_a + B2 * sum_b + u[5 * step];
}

// What is not within the rows and columns given is 0, and is not read.
#define PIXEL(p)                                                                                             \
  (inside || (r >= row0 && r < row1 && c >= column0 && c < column1) ? LOAD(p) : (vf)0)

INLINE void winograd_input(int inside, size_t channels, const float *x, ptrdiff_t start, ptrdiff_t row_stride, int row0,
                           int row1, int column0, int column1, float *v, size_t stride) {
  EACH(channels, {
    vf pixels[36];
    vf lines[36];
    UNROLL for (int r = 0; r < 6; r++) {
      UNROLL for (int c = 0; c < 6; c++) pixels[6 * r + c] = PIXEL(x + start + r * row_stride + c * (ptrdiff_t)channels);
    }
    UNROLL for (int r = 0; r < 6; r++) line_of_input(pixels + 6 * r, 1, lines + 6 * r);
    UNROLL for (int c = 0; c < 6; c++) {
      vf column[6];
      line_of_input(lines + c, 6, column);
      UNROLL for (int r = 0; r < 6; r++) STORE(v + (6 * r + c) * stride, column[r]);
    }
  });
}

static void winograd_input_kernel(size_t channels, const float *x, ptrdiff_t start, ptrdiff_t row_stride, int row0,
                                  int row1, int column0, int column1, float *v, size_t stride) {
  if (row0 == 0 && row1 == 6 && column0 == 0 && column1 == 6) {
    winograd_input(1, channels, x, start, row_stride, 0, 6, 0, 6, v, stride);
  } else {
    winograd_input(0, channels, x, start, row_stride, row0, row1, column0, column1, v, stride);
  }
}

static void winograd_output_kernel(size_t channels, const float *m, size_t stride, const float *bias, int rows,
                                   int columns, float *y, ptrdiff_t row_stride) {
  EACH(channels, {
    vf lines[24];
    vf start = bias ? LOAD(bias) : (vf)0;
    UNROLL for (int r = 0; r < 6; r++) {
      vf products[6];
      UNROLL for (int c = 0; c < 6; c++) products[c] = LOAD(m + (6 * r + c) * stride);
      line_of_output(products, 1, lines + 4 * r);
    }
    UNROLL for (int c = 0; c < 4; c++) {
      vf column[4];
      line_of_output(lines + c, 4, column);
      UNROLL for (int r = 0; r < 4; r++) {
        if (r < rows && c < columns) STORE(y + r * row_stride + c * (ptrdiff_t)channels, column[r] + start);
      }
    }
  });
}

static void winograd_upstream_kernel(size_t channels, const float *dy, ptrdiff_t row_stride, ptrdiff_t pixel_stride,
                                     int rows, int columns, float *m, size_t stride) {
  enum { inside = 0, row0 = 0, column0 = 0 };
  int row1 = rows, column1 = columns;
  EACH(channels, {
    vf pixels[16];
    vf lines[24];
    UNROLL for (int r = 0; r < 4; r++) {
      UNROLL for (int c = 0; c < 4; c++) pixels[4 * r + c] = PIXEL(dy + r * row_stride + c * pixel_stride);
    }
    UNROLL for (int r = 0; r < 4; r++) line_of_upstream(pixels + 4 * r, 1, lines + 6 * r);
    UNROLL for (int c = 0; c < 6; c++) {
      vf column[6];
      line_of_upstream(lines + c, 6, column);
      UNROLL for (int r = 0; r < 6; r++) STORE(m + (6 * r + c) * stride, column[r]);
    }
  });
}

static void winograd_weights_kernel(size_t n, const float *w, size_t tap_stride, float *u, size_t stride) {
  EACH(n, {
    vf lines[18];
    UNROLL for (int r = 0; r < 3; r++) {
      vf taps[3];
      UNROLL for (int c = 0; c < 3; c++) taps[c] = LOAD(w + (3 * r + c) * tap_stride);
      line_of_weights(taps, 1, lines + 6 * r);
    }
    UNROLL for (int c = 0; c < 6; c++) {
      vf column[6];
      line_of_weights(lines + c, 6, column);
      UNROLL for (int r = 0; r < 6; r++) STORE(u + (6 * r + c) * stride, column[r]);
    }
  });
}

static void winograd_weight_gradient_kernel(size_t n, const float *du, size_t stride, float *dw, size_t tap_stride) {
  EACH(n, {
    vf lines[18];
    UNROLL for (int r = 0; r < 6; r++) {
      vf values[6];
      UNROLL for (int c = 0; c < 6; c++) values[c] = LOAD(du + (6 * r + c) * stride);
      line_of_weight_gradient(values, 1, lines + 3 * r);
    }
    UNROLL for (int c = 0; c < 3; c++) {
      vf column[3];
      line_of_weight_gradient(lines + c, 3, column);
      UNROLL for (int r = 0; r < 3; r++) STORE(dw + (3 * r + c) * tap_stride, column[r]);
    }
  });
}
#undef PIXEL
#undef UNROLL
#undef SCALE_B
#undef SCALE_A
#undef B2
#undef A2
#undef POINT_B
#undef POINT_A
