// The complex types of C++ and C99 cannot be imported by Swift; only the real routines are used.
#include <lapacke.h>

// lapack_int is a macro, which Swift does not import as a type.
typedef lapack_int lapack_integer;
