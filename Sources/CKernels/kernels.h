// The kernels of one instruction set: W lanes of float32. Included once by each kernels_*.c; no include guards on purpose.
#include "part_vector.h"
#include "part_functions.h"
#include "part_elementwise.h"
#include "part_reductions.h"
#include "part_rows.h"
#include "part_random.h"
#include "part_optimisers.h"
#include "part_contrastive.h"
