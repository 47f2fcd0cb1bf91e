#include <lzma.h>

// Swift does not see the macro, whose value is written with UINT32_C.
static const uint32_t CLZMA_CONCATENATED = LZMA_CONCATENATED;
