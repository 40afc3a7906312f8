#pragma once

/// Everything of libmpx that needs no <mpi.h>.

#include "mpx/array.hpp"
#include "mpx/async_result.hpp"
#include "mpx/barrier.hpp"
#include "mpx/bind_front.hpp"
#include "mpx/condition.hpp"
#include "mpx/connection.hpp"
#include "mpx/duration.hpp"
#include "mpx/error.hpp"
#include "mpx/event.hpp"
#include "mpx/lock.hpp"
#include "mpx/log.hpp"
#include "mpx/named.hpp"
#include "mpx/pool.hpp"
#include "mpx/process.hpp"
#include "mpx/queue.hpp"
#include "mpx/rank.hpp"
#include "mpx/run.hpp"
#include "mpx/semaphore.hpp"
#include "mpx/serialization.hpp"
#include "mpx/value.hpp"
