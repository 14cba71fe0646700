// Vectorised element-wise and row kernels, written once and compiled for three instruction sets:
// baseline x86-64 (or whatever the target is), AVX2 + FMA, AVX-512. The best one that the CPU has is chosen on first use.
//
// Every kernel works on one thread, on contiguous float32, and neither allocates nor blocks; callers split work over threads.
// Outputs may be the same pointer as an input of the same type and size unless a comment says otherwise; partial overlap is not allowed.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// --- Choice of instruction set -------------------------------------------------------------------------------------

typedef enum { CK_BASELINE = 0, CK_AVX2 = 1, CK_AVX512 = 2 } ck_level;

ck_level ck_best_level(void);     // the best that this CPU (and its operating system) supports
ck_level ck_current_level(void);  // the one in use: the best, or a lesser one that SPREAD_VECTORS names at the start
// Another one for the calling thread alone, for tests and measurements; negative takes it back. 0 if done, -1 if the CPU lacks it.
int ck_use_level_on_this_thread(int level);
const char *ck_level_name(ck_level level);

// --- Element-wise ------------------------------------------------------------------------------------------------

void ck_fill(size_t n, float value, float *y);
void ck_add(size_t n, const float *a, const float *b, float *y);
void ck_subtract(size_t n, const float *a, const float *b, float *y);
void ck_multiply(size_t n, const float *a, const float *b, float *y);
void ck_divide(size_t n, const float *a, const float *b, float *y);
void ck_maximum(size_t n, const float *a, const float *b, float *y);
void ck_scale_shift(size_t n, const float *x, float scale, float shift, float *y); // y = scale * x + shift
void ck_accumulate(size_t n, float scale, const float *x, float *y);              // y += scale * x

void ck_exp(size_t n, const float *x, float *y);   // under 2 ulp for normal results; overflow inf, underflow 0
void ck_log(size_t n, const float *x, float *y);   // under 2 ulp; log(0) = -inf, log(<0) = nan
void ck_sqrt(size_t n, const float *x, float *y);
void ck_tanh(size_t n, const float *x, float *y);  // 1e-6 relative
void ck_relu(size_t n, const float *x, float *y);
void ck_gelu(size_t n, const float *x, float *y);  // x * Phi(x), exact erf form

// Gradients: dx = dy * f'(x).
void ck_relu_gradient(size_t n, const float *y, const float *dy, float *dx); // from the output y > 0
void ck_gelu_gradient(size_t n, const float *x, const float *dy, float *dx);
void ck_tanh_gradient(size_t n, const float *y, const float *dy, float *dx); // from the output: dy * (1 - y^2)

// --- Reductions --------------------------------------------------------------------------------------------------
// Pairwise or with several accumulators: the error grows with log n, not with n. The order is fixed for a given level.

float ck_sum(size_t n, const float *x);
float ck_dot(size_t n, const float *a, const float *b);
int ck_all_finite(size_t n, const float *x);        // 1 if no value is infinite or nan

// --- Rows: x is [rows, columns], contiguous -----------------------------------------------------------------------

void ck_add_row(size_t rows, size_t columns, const float *x, const float *row, float *y);      // y = x + row
void ck_accumulate_rows(size_t rows, size_t columns, const float *x, float *sum);              // sum += column sums of x

// y = softmax(scale * x + row-wise nothing), shifted by the row's maximum; rows of one column give 1.
void ck_softmax_rows(size_t rows, size_t columns, float scale, const float *x, float *y);
// dx = scale * y * (dy - sum(y * dy))
void ck_softmax_gradient_rows(size_t rows, size_t columns, float scale, const float *y, const float *dy, float *dx);
// y = x - logsumexp(x); dx = dy - exp(y) * sum(dy)
void ck_log_softmax_rows(size_t rows, size_t columns, const float *x, float *y);
void ck_log_softmax_gradient_rows(size_t rows, size_t columns, const float *y, const float *dy, float *dx);
void ck_logsumexp_rows(size_t rows, size_t columns, const float *x, float *y); // y: [rows]

// y = (x - mean) * rstd * scale + shift; mean and rstd: [rows], kept for the gradient. Two passes, variance around the mean.
void ck_layer_norm_rows(size_t rows, size_t columns, const float *x, const float *scale, const float *shift,
                        float epsilon, float *y, float *mean, float *rstd);
// The same y once more, from the mean and rstd that were kept.
void ck_layer_norm_again_rows(size_t rows, size_t columns, const float *x, const float *scale, const float *shift,
                              const float *mean, const float *rstd, float *y);
// dx = the gradient, plus `residual` where one is given (which may be dx itself); dscale and dshift, [columns], are added to.
void ck_layer_norm_gradient_rows(size_t rows, size_t columns, const float *x, const float *scale, const float *mean,
                                 const float *rstd, const float *dy, const float *residual, float *dx, float *dscale,
                                 float *dshift);

// y = x / |x| by rows, whatever finite length a row has; a row of zeros is divided by epsilon. norm: [rows], what it was divided
// by. A row with an infinity has nan there, one with a nan is nan as a whole. dx = (dy - y * (y . dy)) / norm, the gradient of it.
void ck_normalise_rows(size_t rows, size_t columns, const float *x, float epsilon, float *y, double *norm);
void ck_normalise_gradient_rows(size_t rows, size_t columns, const float *y, const double *norm, const float *dy,
                                float *dx);

// --- Batch normalisation: a statistic a column --------------------------------------------------------------------

// sum += column sums of (x - centre)^2
void ck_squared_deviation_rows(size_t rows, size_t columns, const float *x, const float *centre, float *sum);
// y = (x - centre) * scale + shift, + residual unless it is NULL, then the positive part if relu
void ck_batch_norm_rows(size_t rows, size_t columns, const float *x, const float *centre, const float *scale,
                        const float *shift, const float *residual, int relu, float *y);
// g = dy where y > 0, else 0 (dy everywhere if y is NULL). dshift += column sums of g; dscale += those of g * (x - centre).
void ck_batch_norm_sums_rows(size_t rows, size_t columns, const float *x, const float *centre, const float *y,
                             const float *dy, float *dshift, float *dscale);
// dx = a * g + b * (x - centre) + c; dresidual = g unless it is NULL
void ck_batch_norm_gradient_rows(size_t rows, size_t columns, const float *x, const float *centre, const float *y,
                                 const float *dy, const float *a, const float *b, const float *c, float *dx,
                                 float *dresidual);

// --- Convolution of images that lie channels last -------------------------------------------------------------------

// Outputs whose weights lie together: weights of a block are [rows, length, CK_CONVOLUTION_BLOCK], zeros behind the last output.
#define CK_CONVOLUTION_BLOCK 32

// y[targets[p] + c] = bias[c] + sum over rows r and i < length of x[sources[p] + row_offsets[r] + i] * weights[r][i][c]
// for c < columns <= CK_CONVOLUTION_BLOCK. A row is what a kernel's row sees: its pixels' channels, one after the other. `bias` may
// be NULL; else it has CK_CONVOLUTION_BLOCK values.
void ck_convolve(size_t positions, const ptrdiff_t *sources, const ptrdiff_t *targets, const float *x, size_t rows,
                 const ptrdiff_t *row_offsets, size_t length, const float *weights, size_t columns, const float *bias,
                 float *y);
// dweights[r][i][c] += sum over p of x[sources[p] + row_offsets[r] + i] * dy[targets[p] + c], for c < columns.
void ck_convolution_gradient(size_t positions, const ptrdiff_t *sources, const ptrdiff_t *targets, const float *x,
                             size_t rows, const ptrdiff_t *row_offsets, size_t length, const float *dy, size_t columns,
                             float *dweights);

// --- Colours -------------------------------------------------------------------------------------------------------

// Turns the hue of n pixels, values in [0, 1], by `shift` sixths of the colour circle; HSV's value and chroma stay.
void ck_turn_hue(size_t n, float shift, float *red, float *green, float *blue);

// --- Winograd's convolution ------------------------------------------------------------------------------------------
// For kernels of 3 x 3 and stride 1, by tiles of 4 x 4 results. A tile's transform is 36 rows of channels, `stride` floats apart;
// images lie channels last.

// v = the transform of the 6 x 6 pixels that start at x[start], lines `row_stride` apart. Only those in the rows row0..<row1 and
// columns column0..<column1 are there; the others are 0, and may be beyond x.
void ck_winograd_input(size_t channels, const float *x, ptrdiff_t start, ptrdiff_t row_stride, int row0, int row1, int column0,
                       int column1, float *v, size_t stride);
// y = bias + the first `rows` x `columns` of the 4 x 4 pixels that the products m give. `bias` may be NULL.
void ck_winograd_output(size_t channels, const float *m, size_t stride, const float *bias, int rows, int columns, float *y,
                        ptrdiff_t row_stride);
// The transpose of ck_winograd_output: m = the gradient of the products from that of the pixels.
void ck_winograd_upstream(size_t channels, const float *dy, ptrdiff_t row_stride, ptrdiff_t pixel_stride, int rows, int columns,
                          float *m, size_t stride);
// u = the transform of n kernels, whose 9 taps lie `tap_stride` floats apart.
void ck_winograd_weights(size_t n, const float *w, size_t tap_stride, float *u, size_t stride);
// Its transpose: dw = the gradient of the kernels from that of their transforms.
void ck_winograd_weight_gradient(size_t n, const float *du, size_t stride, float *dw, size_t tap_stride);

// --- Random ------------------------------------------------------------------------------------------------------
// Counter-based: element i of a stream depends on (key, offset + i) alone, so masks need not be stored, and neither the split over
// threads nor the instruction set changes them.

// y = keep(i) ? x * scale : 0, where keep(i) has probability 1 - threshold / 2^32
void ck_dropout(size_t n, uint64_t key, uint64_t offset, uint32_t threshold, float scale, const float *x, float *y);
// y = r + (keep(i) ? x * scale : 0): residual connection with dropout
void ck_dropout_add(size_t n, uint64_t key, uint64_t offset, uint32_t threshold, float scale, const float *x,
                    const float *r, float *y);
// Between the products of a transformer's block. Element i of row r is kept as element offset + r * columns + i of `ck_dropout` is; a
// threshold of 0 keeps all.

// y = softmax(scale * row_scales[r] * x) by rows, dropped = dropout(y), which may be the same pointer where y is not wanted;
// row_scales: [rows] or NULL for 1. x may be y.
void ck_softmax_dropout_rows(size_t rows, size_t columns, float scale, const float *row_scales, const float *x,
                             uint64_t key, uint64_t offset, uint32_t threshold, float keep_scale, float *y, float *dropped);
// dx = scale * row_scales[r] * (dropped * dy - y * sum(dropped * dy)): the gradient with respect to x from the one with respect to
// `dropped`. dx may be dy.
void ck_softmax_dropout_gradient_rows(size_t rows, size_t columns, float scale, const float *row_scales, const float *y,
                                      const float *dropped, const float *dy, float *dx);
// y = x + bias by rows, then z = dropout(gelu(y)); y is kept for the gradient, and may be x.
void ck_bias_gelu_dropout_rows(size_t rows, size_t columns, const float *x, const float *bias, uint64_t key,
                               uint64_t offset, uint32_t threshold, float keep_scale, float *y, float *z);
// Once more z = dropout(gelu(x)), and dx, the gradient with respect to x from dz; dx may be dz.
void ck_gelu_dropout_gradient(size_t n, uint64_t key, uint64_t offset, uint32_t threshold, float keep_scale, const float *x,
                              const float *dz, float *z, float *dx);

// --- Contrastive losses --------------------------------------------------------------------------------------------
// On runs of similarities x, already divided by the temperature. `clamp` bounds a numerator; infinity for none.

// Adds a run to a log-sum-exp kept as (maximum, sum of exp(x - maximum)); start from (-infinity, 0).
void ck_logsum_append(size_t n, const float *x, float *maximum, float *sum);
// sum of min(x, clamp)
float ck_clamped_sum(size_t n, const float *x, float clamp);
// value += sum log(e^x + e^negatives) - min(x, clamp); slope += sum sigmoid(negatives - x)
void ck_attract_terms(size_t n, const float *x, float negatives, float clamp, float *value, float *slope);
// x = factor * exp(x - logsum) + (x <= clamp ? bias : 0)
void ck_softmax_slope(size_t n, float *x, float logsum, float factor, float bias, float clamp);
// x = attract * ((x <= clamp ? 0 : 1) - sigmoid(negatives - x)) + repel * exp(x - positives)
void ck_spread_slope(size_t n, float *x, float negatives, float attract, float positives, float repel, float clamp);

// --- Optimisers --------------------------------------------------------------------------------------------------

// AdamW, decoupled decay: p -= rate * decay * p; m, v exponential means of g, g^2; p -= step * m / (sqrt(v) * vscale + epsilon)
// with step = rate / (1 - beta1^t) and vscale = 1 / sqrt(1 - beta2^t), computed by the caller in double. g is multiplied by gscale first.
void ck_adamw(size_t n, float *p, const float *g, float *m, float *v, float gscale, float rate, float decay,
              float beta1, float beta2, float epsilon, float step, float vscale);
// SGD with momentum as PyTorch has it: g' = g * gscale + decay * p; b = momentum * b + g'; p -= rate * (nesterov ? g' + momentum * b : b)
void ck_sgd(size_t n, float *p, const float *g, float *b, float gscale, float rate, float decay, float momentum,
            int nesterov);

#ifdef __cplusplus
}
#endif
#endif
