// Errors of libpng are told by longjmp, which may not cross Swift: images are written with the simplified API
// (png_image_*), and read here, where the jump stays within one function.
#include <png.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const unsigned char *bytes;
  size_t count, place;
} spread_png_source;

static inline void spread_png_take(png_structp png, png_bytep target, size_t count) {
  spread_png_source *source = (spread_png_source *)png_get_io_ptr(png);
  if (count > source->count - source->place) png_error(png, "the file ends early");
  memcpy(target, source->bytes + source->place, count);
  source->place += count;
}

static inline void spread_png_fail(png_structp png, png_const_charp text) {
  strncpy((char *)png_get_error_ptr(png), text, 63);
  png_longjmp(png, 1);
}

static inline void spread_png_ignore(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

// Width and height of a PNG in memory, and, where `target` is not NULL, its pixels: red, green, blue and alpha of 8 bits, row
// by row, in stored values (16 bits are divided by 257 and rounded; no gamma, no profile). Returns 0, with a text of at most
// 63 bytes in `message` (64 bytes of zeros on entry), for a file that is damaged.
static inline int spread_png_read(const unsigned char *bytes, size_t count, unsigned char *target, png_uint_32 *width,
                                  png_uint_32 *height, char *message) {
  spread_png_source source = {bytes, count, 0};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, message, spread_png_fail, spread_png_ignore);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    png_destroy_read_struct(&png, NULL, NULL);
    strncpy(message, "out of memory", 63);
    return 0;
  }
  png_bytep *volatile rows = NULL;
  if (setjmp(png_jmpbuf(png))) {
    free(rows);
    png_destroy_read_struct(&png, &info, NULL);
    return 0;
  }
  png_set_read_fn(png, &source, spread_png_take);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_read_info(png, info);
  *width = png_get_image_width(png, info);
  *height = png_get_image_height(png, info);
  if (target) {
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != 4 * (size_t)*width) png_error(png, "a pixel format that is not read");
    rows = (png_bytep *)malloc(*height * sizeof(png_bytep));
    if (!rows) png_error(png, "out of memory");
    for (png_uint_32 y = 0; y < *height; y++) rows[y] = target + 4 * (size_t)*width * y;
    png_read_image(png, rows);
    png_read_end(png, NULL);
  }
  free(rows);
  png_destroy_read_struct(&png, &info, NULL);
  return 1;
}

// Macros with casts, which Swift does not import.
static const png_uint_32 spread_png_format_grey = PNG_FORMAT_GRAY;
static const png_uint_32 spread_png_format_rgb = PNG_FORMAT_RGB;
