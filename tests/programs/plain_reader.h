#pragma once

// Of so many bytes, or as many as there are until the end; a negative errno.
extern "C" long sum_of_bytes(int fd, int how_many);
