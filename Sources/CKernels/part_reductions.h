// Sums over blocks of 1024 elements in four vectors, and over the blocks in double precision.

enum { BLOCK = 1024 };

#define REDUCTION(name, parameters, expression)                                                                        \
  static float name##_kernel parameters {                                                                              \
    double total = 0;                                                                                                  \
    for (size_t start = 0; start < n; start += BLOCK) {                                                                \
      size_t end = n - start < BLOCK ? n : start + BLOCK;                                                              \
      vf sums[4] = {0, 0, 0, 0};                                                                                       \
      size_t i = start;                                                                                                \
      enum { whole = 0 };                                                                                              \
      for (; i + 4 * W <= end; i += 4 * W) {                                                                           \
        for (int s = 0; s < 4; s++) sums[s] += expression(i + s * W, whole);                                           \
      }                                                                                                                \
      for (; i + W <= end; i += W) sums[0] += expression(i, whole);                                                    \
      if (i < end) sums[1] += first_lanes(expression(i, end - i), end - i, 0.0f);                                      \
      total += (double)sum_of((sums[0] + sums[1]) + (sums[2] + sums[3]));                                              \
    }                                                                                                                  \
    return (float)total;                                                                                               \
  }

INLINE vf load_up_to(const float *p, size_t part) { return part ? load_part(p, part) : load(p); }

#define TERM(i, part) load_up_to(x + (i), part)
REDUCTION(sum, (size_t n, const float *x), TERM)
#undef TERM
#define TERM(i, part) (load_up_to(a + (i), part) * load_up_to(b + (i), part))
REDUCTION(dot, (size_t n, const float *a, const float *b), TERM)
#undef TERM
#undef REDUCTION

static int all_finite_kernel(size_t n, const float *x) {
  vi bad = 0;
  EACH(n, bad |= (as_int(LOAD(x)) & 0x7f800000) == (vi)0x7f800000;);
  for (int i = 0; i < W; i++) {
    if (bad[i]) return 0;
  }
  return 1;
}
