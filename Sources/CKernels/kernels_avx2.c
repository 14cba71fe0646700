#if defined(__x86_64__)
#include "table.h"
#include <math.h>
#include <string.h>
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define W 8
#define LEVEL CK_AVX2
#include "kernels.h"
#pragma clang attribute pop

#define KERNEL(result, name, parameters, arguments) .name = name##_kernel,
const ck_table ck_table_avx2 = {
#include "kernel_list.h"
};
#else
typedef int nothing_on_this_processor;
#endif
