// The sizes that chan.h tells. Who changes one changes its page.
#include "chan/chan_core.h"

static_assert(sizeof(thrum::detail::chan_core) == 176);
