// The table of kernels of one instruction set.
#ifndef TABLE_H
#define TABLE_H

#include "CKernels.h"

#define KERNEL(result, name, parameters, arguments) result(*name) parameters;
typedef struct {
#include "kernel_list.h"
} ck_table;
#undef KERNEL

extern const ck_table ck_table_baseline;
#if defined(__x86_64__)
extern const ck_table ck_table_avx2;
extern const ck_table ck_table_avx512;
#endif

#endif
