#include "CKPeak.h"
#include "CKernels.h"

// Twelve chains cover a latency of four cycles on two or three units; few enough that all stay in registers.
#define CHAINS 12
#define PEAK_BODY(WIDTH)                                                                                               \
  typedef float vector __attribute__((ext_vector_type(WIDTH)));                                                        \
  vector sums[CHAINS];                                                                                                 \
  vector factor = (vector)(seed), term = (vector)(1.0f - seed);                                                        \
  for (int c = 0; c < CHAINS; c++) sums[c] = (vector)(float)c;                                                         \
  for (uint64_t r = 0; r < rounds; r++) {                                                                              \
    _Pragma("clang loop unroll(full)") for (int c = 0; c < CHAINS; c++) sums[c] = sums[c] * factor + term;             \
    __asm__ __volatile__("");                                                                                          \
  }                                                                                                                    \
  vector all = sums[0];                                                                                                \
  for (int c = 1; c < CHAINS; c++) all += sums[c];                                                                     \
  volatile float sink = all[0];                                                                                        \
  (void)sink;                                                                                                          \
  return 2.0 * CHAINS * WIDTH * (double)rounds;

#pragma clang fp contract(fast)

static double peak_baseline(uint64_t rounds, float seed) { PEAK_BODY(4) }

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static double peak_avx2(uint64_t rounds, float seed) { PEAK_BODY(8) }
__attribute__((target("avx512f,avx512vl,fma"))) static double peak_avx512(uint64_t rounds, float seed) {
  PEAK_BODY(16)
}
#endif

double ck_peak_operations(uint64_t rounds, float seed) {
#if defined(__x86_64__)
  switch (ck_best_level()) {
  case CK_AVX512: return peak_avx512(rounds, seed);
  case CK_AVX2: return peak_avx2(rounds, seed);
  default: break;
  }
#endif
  return peak_baseline(rounds, seed);
}
