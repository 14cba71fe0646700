#if defined(__x86_64__)
#include "table.h"
#include <math.h>
#include <string.h>
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#define W 16
#define LEVEL CK_AVX512
#include "kernels.h"
#pragma clang attribute pop

#define KERNEL(result, name, parameters, arguments) .name = name##_kernel,
const ck_table ck_table_avx512 = {
#include "kernel_list.h"
};
#else
typedef int nothing_on_this_processor;
#endif
