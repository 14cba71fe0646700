#include "table.h"
#include <math.h>
#include <string.h>

#define W 4
#define LEVEL CK_BASELINE
#include "kernels.h"

#define KERNEL(result, name, parameters, arguments) .name = name##_kernel,
const ck_table ck_table_baseline = {
#include "kernel_list.h"
};
