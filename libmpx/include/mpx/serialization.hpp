#pragma once

#include "mpx/detail/archive.hpp"
#include "mpx/detail/codec.hpp"
#include "mpx/detail/codec_containers.hpp"
#include "mpx/detail/codec_values.hpp"
#include "mpx/detail/encode.hpp"
#include "mpx/detail/sendable.hpp"
