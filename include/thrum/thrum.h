// The everyday headers in one, for first programs.
#pragma once

#include <thrum/chan.h>
#include <thrum/error.h>
#include <thrum/go.h>
#include <thrum/runtime.h>
#include <thrum/select.h>
#include <thrum/spawn.h>
#include <thrum/this_fiber.h>
