// Only the simplified API (png_image_*) is used: elsewhere errors are told by longjmp, which may not cross Swift.
#include <png.h>

// Macros with casts, which Swift does not import.
static const png_uint_32 spread_png_format_grey = PNG_FORMAT_GRAY;
static const png_uint_32 spread_png_format_rgb = PNG_FORMAT_RGB;
