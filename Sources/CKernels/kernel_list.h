// Every kernel that exists once per instruction set: KERNEL(result, name, (parameters), (arguments)).
// The declarations, with what each one computes, are in include/CKernels.h.

KERNEL(void, fill, (size_t n, float value, float *y), (n, value, y))
KERNEL(void, add, (size_t n, const float *a, const float *b, float *y), (n, a, b, y))
KERNEL(void, subtract, (size_t n, const float *a, const float *b, float *y), (n, a, b, y))
KERNEL(void, multiply, (size_t n, const float *a, const float *b, float *y), (n, a, b, y))
KERNEL(void, divide, (size_t n, const float *a, const float *b, float *y), (n, a, b, y))
KERNEL(void, maximum, (size_t n, const float *a, const float *b, float *y), (n, a, b, y))
KERNEL(void, scale_shift, (size_t n, const float *x, float scale, float shift, float *y), (n, x, scale, shift, y))
KERNEL(void, accumulate, (size_t n, float scale, const float *x, float *y), (n, scale, x, y))
KERNEL(void, exp, (size_t n, const float *x, float *y), (n, x, y))
KERNEL(void, log, (size_t n, const float *x, float *y), (n, x, y))
KERNEL(void, sqrt, (size_t n, const float *x, float *y), (n, x, y))
KERNEL(void, tanh, (size_t n, const float *x, float *y), (n, x, y))
KERNEL(void, relu, (size_t n, const float *x, float *y), (n, x, y))
KERNEL(void, gelu, (size_t n, const float *x, float *y), (n, x, y))
KERNEL(void, relu_gradient, (size_t n, const float *y, const float *dy, float *dx), (n, y, dy, dx))
KERNEL(void, gelu_gradient, (size_t n, const float *x, const float *dy, float *dx), (n, x, dy, dx))
KERNEL(void, tanh_gradient, (size_t n, const float *y, const float *dy, float *dx), (n, y, dy, dx))
KERNEL(float, sum, (size_t n, const float *x), (n, x))
KERNEL(float, dot, (size_t n, const float *a, const float *b), (n, a, b))
KERNEL(int, all_finite, (size_t n, const float *x), (n, x))
KERNEL(void, add_row, (size_t rows, size_t columns, const float *x, const float *row, float *y),
       (rows, columns, x, row, y))
KERNEL(void, accumulate_rows, (size_t rows, size_t columns, const float *x, float *sum), (rows, columns, x, sum))
KERNEL(void, softmax_rows, (size_t rows, size_t columns, float scale, const float *x, float *y),
       (rows, columns, scale, x, y))
KERNEL(void, softmax_gradient_rows,
       (size_t rows, size_t columns, float scale, const float *y, const float *dy, float *dx),
       (rows, columns, scale, y, dy, dx))
KERNEL(void, log_softmax_rows, (size_t rows, size_t columns, const float *x, float *y), (rows, columns, x, y))
KERNEL(void, log_softmax_gradient_rows, (size_t rows, size_t columns, const float *y, const float *dy, float *dx),
       (rows, columns, y, dy, dx))
KERNEL(void, logsumexp_rows, (size_t rows, size_t columns, const float *x, float *y), (rows, columns, x, y))
KERNEL(void, layer_norm_rows,
       (size_t rows, size_t columns, const float *x, const float *scale, const float *shift, float epsilon, float *y,
        float *mean, float *rstd),
       (rows, columns, x, scale, shift, epsilon, y, mean, rstd))
KERNEL(void, layer_norm_again_rows,
       (size_t rows, size_t columns, const float *x, const float *scale, const float *shift, const float *mean,
        const float *rstd, float *y),
       (rows, columns, x, scale, shift, mean, rstd, y))
KERNEL(void, layer_norm_gradient_rows,
       (size_t rows, size_t columns, const float *x, const float *scale, const float *mean, const float *rstd,
        const float *dy, const float *residual, float *dx, float *dscale, float *dshift),
       (rows, columns, x, scale, mean, rstd, dy, residual, dx, dscale, dshift))
KERNEL(void, normalise_rows, (size_t rows, size_t columns, const float *x, float epsilon, float *y, double *norm),
       (rows, columns, x, epsilon, y, norm))
KERNEL(void, normalise_gradient_rows,
       (size_t rows, size_t columns, const float *y, const double *norm, const float *dy, float *dx),
       (rows, columns, y, norm, dy, dx))
KERNEL(void, softmax_dropout_rows,
       (size_t rows, size_t columns, float scale, const float *row_scales, const float *x, uint64_t key, uint64_t offset,
        uint32_t threshold, float keep_scale, float *y, float *dropped),
       (rows, columns, scale, row_scales, x, key, offset, threshold, keep_scale, y, dropped))
KERNEL(void, softmax_dropout_gradient_rows,
       (size_t rows, size_t columns, float scale, const float *row_scales, const float *y, const float *dropped,
        const float *dy, float *dx),
       (rows, columns, scale, row_scales, y, dropped, dy, dx))
KERNEL(void, bias_gelu_dropout_rows,
       (size_t rows, size_t columns, const float *x, const float *bias, uint64_t key, uint64_t offset, uint32_t threshold,
        float keep_scale, float *y, float *z),
       (rows, columns, x, bias, key, offset, threshold, keep_scale, y, z))
KERNEL(void, gelu_dropout_gradient,
       (size_t n, uint64_t key, uint64_t offset, uint32_t threshold, float keep_scale, const float *x, const float *dz,
        float *z, float *dx),
       (n, key, offset, threshold, keep_scale, x, dz, z, dx))
KERNEL(void, squared_deviation_rows,
       (size_t rows, size_t columns, const float *x, const float *centre, float *sum), (rows, columns, x, centre, sum))
KERNEL(void, batch_norm_rows,
       (size_t rows, size_t columns, const float *x, const float *centre, const float *scale, const float *shift,
        const float *residual, int relu, float *y),
       (rows, columns, x, centre, scale, shift, residual, relu, y))
KERNEL(void, batch_norm_sums_rows,
       (size_t rows, size_t columns, const float *x, const float *centre, const float *y, const float *dy,
        float *dshift, float *dscale),
       (rows, columns, x, centre, y, dy, dshift, dscale))
KERNEL(void, batch_norm_gradient_rows,
       (size_t rows, size_t columns, const float *x, const float *centre, const float *y, const float *dy,
        const float *a, const float *b, const float *c, float *dx, float *dresidual),
       (rows, columns, x, centre, y, dy, a, b, c, dx, dresidual))
KERNEL(void, convolve,
       (size_t positions, const ptrdiff_t *sources, const ptrdiff_t *targets, const float *x, size_t rows,
        const ptrdiff_t *row_offsets, size_t length, const float *weights, size_t columns, const float *bias, float *y),
       (positions, sources, targets, x, rows, row_offsets, length, weights, columns, bias, y))
KERNEL(void, convolution_gradient,
       (size_t positions, const ptrdiff_t *sources, const ptrdiff_t *targets, const float *x, size_t rows,
        const ptrdiff_t *row_offsets, size_t length, const float *dy, size_t columns, float *dweights),
       (positions, sources, targets, x, rows, row_offsets, length, dy, columns, dweights))
KERNEL(void, turn_hue, (size_t n, float shift, float *red, float *green, float *blue), (n, shift, red, green, blue))
KERNEL(void, winograd_input,
       (size_t channels, const float *x, ptrdiff_t start, ptrdiff_t row_stride, int row0, int row1, int column0,
        int column1, float *v, size_t stride),
       (channels, x, start, row_stride, row0, row1, column0, column1, v, stride))
KERNEL(void, winograd_output,
       (size_t channels, const float *m, size_t stride, const float *bias, int rows, int columns, float *y,
        ptrdiff_t row_stride),
       (channels, m, stride, bias, rows, columns, y, row_stride))
KERNEL(void, winograd_upstream,
       (size_t channels, const float *dy, ptrdiff_t row_stride, ptrdiff_t pixel_stride, int rows, int columns, float *m,
        size_t stride),
       (channels, dy, row_stride, pixel_stride, rows, columns, m, stride))
KERNEL(void, winograd_weights, (size_t n, const float *w, size_t tap_stride, float *u, size_t stride),
       (n, w, tap_stride, u, stride))
KERNEL(void, winograd_weight_gradient, (size_t n, const float *du, size_t stride, float *dw, size_t tap_stride),
       (n, du, stride, dw, tap_stride))
KERNEL(void, dropout,
       (size_t n, uint64_t key, uint64_t offset, uint32_t threshold, float scale, const float *x, float *y),
       (n, key, offset, threshold, scale, x, y))
KERNEL(void, dropout_add,
       (size_t n, uint64_t key, uint64_t offset, uint32_t threshold, float scale, const float *x, const float *r,
        float *y),
       (n, key, offset, threshold, scale, x, r, y))
KERNEL(void, adamw,
       (size_t n, float *p, const float *g, float *m, float *v, float gscale, float rate, float decay, float beta1,
        float beta2, float epsilon, float step, float vscale),
       (n, p, g, m, v, gscale, rate, decay, beta1, beta2, epsilon, step, vscale))
KERNEL(void, sgd,
       (size_t n, float *p, const float *g, float *b, float gscale, float rate, float decay, float momentum,
        int nesterov),
       (n, p, g, b, gscale, rate, decay, momentum, nesterov))
KERNEL(void, logsum_append, (size_t n, const float *x, float *maximum, float *sum), (n, x, maximum, sum))
KERNEL(float, clamped_sum, (size_t n, const float *x, float clamp), (n, x, clamp))
KERNEL(void, attract_terms,
       (size_t n, const float *x, float negatives, float clamp, float *value, float *slope),
       (n, x, negatives, clamp, value, slope))
KERNEL(void, softmax_slope, (size_t n, float *x, float logsum, float factor, float bias, float clamp),
       (n, x, logsum, factor, bias, clamp))
KERNEL(void, spread_slope,
       (size_t n, float *x, float negatives, float attract, float positives, float repel, float clamp),
       (n, x, negatives, attract, positives, repel, clamp))
