// Chooses the instruction set on first use and sends every call to its kernel.
#include "table.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(const ck_table *) active = NULL;
static _Thread_local const ck_table *of_this_thread = NULL;

static const ck_table *table_of(ck_level level) {
#if defined(__x86_64__)
  if (level == CK_AVX512) return &ck_table_avx512;
  if (level == CK_AVX2) return &ck_table_avx2;
#endif
  (void)level;
  return &ck_table_baseline;
}

ck_level ck_best_level(void) {
#if defined(__x86_64__)
  // These ask the operating system too: registers that it does not save do not count.
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")) {
    return CK_AVX512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CK_AVX2;
#endif
  return CK_BASELINE;
}

// The best, or a lesser one that SPREAD_VECTORS names.
static ck_level initial_level(void) {
  const char *name = getenv("SPREAD_VECTORS");
  ck_level best = ck_best_level();
  for (int level = CK_BASELINE; name != NULL && level <= (int)best; level++) {
    if (strcmp(name, ck_level_name((ck_level)level)) == 0) return (ck_level)level;
  }
  return best;
}

static const ck_table *current(void) {
  if (__builtin_expect(of_this_thread != NULL, 0)) return of_this_thread;
  const ck_table *table = atomic_load_explicit(&active, memory_order_relaxed);
  if (__builtin_expect(table == NULL, 0)) {
    table = table_of(initial_level()); // every thread finds the same one
    atomic_store_explicit(&active, table, memory_order_relaxed);
  }
  return table;
}

ck_level ck_current_level(void) {
  const ck_table *table = current();
#if defined(__x86_64__)
  if (table == &ck_table_avx512) return CK_AVX512;
  if (table == &ck_table_avx2) return CK_AVX2;
#endif
  (void)table;
  return CK_BASELINE;
}

int ck_use_level_on_this_thread(int level) {
  if (level > (int)ck_best_level()) return -1;
  of_this_thread = level < 0 ? NULL : table_of((ck_level)level);
  return 0;
}

const char *ck_level_name(ck_level level) {
  switch (level) {
  case CK_AVX512: return "avx512";
  case CK_AVX2: return "avx2";
  default: return "baseline";
  }
}

#define KERNEL(result, name, parameters, arguments)                                                                    \
  result ck_##name parameters { return current()->name arguments; }
#include "kernel_list.h"
#undef KERNEL
