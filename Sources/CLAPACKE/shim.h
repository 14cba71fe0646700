// The complex types of C++ and C99 cannot be imported by Swift; only the real routines are used.
#include <lapacke.h>
