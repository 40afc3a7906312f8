#pragma once

// The whole vocabulary between processes. A frame of one of these kinds is either a request to the
// home of an object (header.object), a service of a rank (header.to.rank()), or a delivery to a
// process (header.to). Bodies are packed by core/pack.hpp, fields in the order given here.

#include <cstdint>

namespace mpx::detail {

enum class Kind : std::uint16_t {
  // To the home of header.object. `call` != 0 asks for a reply.
  create = 1,  ///< {ObjectKind, kind's own arguments}; header.from holds the first reference
  // Of these, header.call of all but drop is the ProcessId of who counted the reference.
  add_ref,      ///< one more reference in flight
  claim,        ///< a reference in flight becomes header.from's
  drop,         ///< header.from gives up a reference
  drop_flight,  ///< a reference in flight is gone
  cancel,  ///< header.call: the waiter with this call gives up; always answered by the call's reply

  left,  ///< {u16 claim slot, u32 taken}: the slot's user is gone, having taken so many units

  end_send,    ///< payload: a message for this end; status EndRoute, call the number of an offer
  end_bind,    ///< header.from receives from now on; no: once another one has given back
  end_unbind,  ///< header.from will receive no more, and gives back the rest once this is answered
  end_ack,     ///< {u64 bytes} that the receiver has consumed
  end_sync,    ///< header.from sends; answered when the backlog is below its bound
  end_fate,    ///< → {EndGone, ProcessFacts}: what has become of the other end
  end_return,  ///< {u64 n, n × (u32 handles, bytes)} undelivered, from a receiver that was unbound;
               ///< again the same for messages of a direct ring whose switch has not come to it
  end_ring,    ///< {u64 number of the offer, DirectOffer} from the receiver
  end_peer_gone,  ///< {ProcessFacts, ProcessId} of who is lost, from the other end's home: status
                  ///< EndGone

  queue_put,        ///< payload: an item; answered when it is accepted, if asked. Status PutRoute
  queue_try_put,    ///< as queue_put; answered at once with yes or no
  queue_puts,       ///< units of an ItemBlock: as many queue_put that want no answer
  queue_sync,       ///< answered when there is room: ok, or closed
  queue_reserve,    ///< answered when there is room, which is kept for a queue_put from header.from
  queue_unreserve,  ///< header.from will not put what it has reserved room for
  queue_give_up,    ///< header.from does not wait for the answer to its get any more
  queue_unget,      ///< payload: an item that was handed without a claim, and has not been taken
  queue_flush,  ///< answered at once → {u64 items that header.from has put in vain, since the last}
  queue_get,    ///< {u32 want, u16 claim slot, u32 taken so far}; answered when there is an item
  queue_try_get,  ///< as queue_get; answered at once
  queue_info,     ///< → {u64 size, u64 capacity, u8 closed}
  queue_close,
  acquire,         ///< answered when the caller has it: Lock, Semaphore, Event
  release,         ///< {u64 n}; answered: n permits, an unlocked Lock, a set Event. Status
                   ///< ReleaseRoute
  permits,         ///< {i64 n}: header.from holds n more, taken by way of the word
  condition_wait,  ///< {ObjectId}, to the Lock; answered when it is the caller's again: ok, or no if
                   ///< it was cancelled
  condition_notify,  ///< {ObjectId, u64 n}, to the Lock; answered
  barrier_wait,  ///< → {u64 index, u8 act}, payload: the action, if `act`; no: {text}, it is broken
  barrier_done,   ///< {u64 round, text} from who ran the action; an empty text: well. → as above
  barrier_info,   ///< → {u64 parties, u64 waiting, u8 broken}
  barrier_reset,  ///< answered
  barrier_abort,  ///< answered
  array_read,     ///< {u64 offset, u64 bytes} → the bytes
  array_write,    ///< {u64 offset, bytes}; answered
  cell_read,      ///< → the bytes
  cell_write,     ///< {bytes} → nothing
  cell_exchange,  ///< {bytes} → the old bytes
  cell_compare,   ///< {expected, desired} → the old bytes; Status::no if not as expected

  process_start,   ///< {StartRequest, Payload of the call}
  process_watch,   ///< answered when the process has ended → ProcessFacts
  process_poll,    ///< → {ProcessId, ProcessFacts}
  process_signal,  ///< {i32 signal}; answered by the process's rank (signal)

  pool_open,       ///< {PoolSettings}, payload: the initializer's call; → {u64 processes}
  pool_submit,     ///< {PoolSubmission, elements}
  pool_function,   ///< {u64 function}, payload: the callable; to the home, and on to its processes
  pool_close,      ///< no more submissions; answered
  pool_terminate,  ///< ends everything now; answered
  pool_join,       ///< answered when the last process has ended
  pool_ready,      ///< from a pool process: its initializer has run
  pool_done,    ///< from a pool process: n × {PoolRecord, values} of finished units; header.call:
                ///< the nanoseconds that they took
  pool_wait,    ///< from a pool process: its task waits for other tasks
  pool_resume,  ///< … and goes on

  recalled,  ///< {u32 units} that were taken back for a recall, from the rank of header.from

  // To the directory.
  spawned,         ///< header.from: {i32 pid, text: why it could not be started, or empty}
  await_children,  ///< header.from is about to end: ends what lives only for it; answered when its
                   ///< children have ended
  list_children,   ///< → handles of header.from's children

  // To the table of names.
  name_find,     ///< {name, type} → an encoded handle; Status::no: the caller makes it
  name_bind,     ///< {name}, payload: an encoded handle of what the caller has made; answered
  name_give_up,  ///< {name}: the caller could not make it; answered

  // To the watch over waits.
  waits_want,     ///< a report is wanted of who waits for what
  waits,          ///< ProcessWaits
  waits_rank,     ///< {u64 round, u8 transfers are under way, vector<HeldPermits>} from a rank
  waits_objects,  ///< {u64 round, vector<ObjectFacts>} from a rank

  // To a service of the rank header.to.rank().
  first_service = 0x100,
  spawn,          ///< rank 0 → worker: header.to = the new process, {StartRequest, call}
  process_ended,  ///< worker → rank 0 and every rank whose homes the process may have touched:
                  ///< ProcessFacts
  signal,         ///< rank 0 → worker: {i32 signal}; header.to = the process; answered when it
                  ///< has been sent or the process has ended
  recall,    ///< home → rank of header.to: take back what its claim slot (status) has not taken
  shutdown,  ///< rank 0 → all: end every process and leave
  shutdown_done,    ///< worker → rank 0
  stop,             ///< rank → rank 0 → all: the job is asked to stop (mpx::stop_requested)
  waits_ask,        ///< {u64 round} → rank: says waits_tell to all its processes; → waits_rank
  waits_ask_homes,  ///< {u64 round, vector<ObjectId>} → rank; → waits_objects
  word,  ///< WordRequest → {u64 what the word was}; from a process to its own rank, and on to
         ///< the word's, where the first does not reach it

  // To the process header.to.
  first_delivery = 0x200,
  reply,           ///< answer to header.call; header.status: Status
  process_main,    ///< worker → new child: {StartRequest, call}
  end_item,        ///< message for a bound receiver; status EndRoute
  end_offer,       ///< {u64 number}: make a direct ring for a sender (end_ring)
  end_direct,      ///< to the sender, at its own end: as end_ring; empty: its receiver is gone
  end_recall,      ///< give back undelivered messages (end_return)
  end_closed,      ///< to the receiver: status EndGone, {ProcessFacts}; after what was sent before,
                   ///< nothing follows
  end_unread,      ///< to a sender, at its own end: as end_closed, at once
  queue_items,     ///< claimable units: {ClaimStamp, units of an ItemBlock}; a large one is alone
  pool_tasks,      ///< claimable units: {ClaimStamp, PoolTasks, elements as in pool_submit}
  pool_learn,      ///< {u64 function}, payload: the callable
  pool_quit,       ///< no more tasks will come
  pool_results,    ///< as pool_done, for the submitter of a batch; header.call: its number there
  session_over,    ///< rank 0 → all ranks: it has come to the end of its Session
  session_left,    ///< rank → rank 0: it has, too
  waits_tell,      ///< {u64 round}: say what you wait for (waits)
  session_serves,  ///< rank → rank 0 → all ranks: rank header.call serves until the end
  spare,           ///< process ↔ its rank: memory for large bytes that the sender has no use for
};

[[nodiscard]] constexpr bool is_for_home(Kind kind) { return kind < Kind::first_service; }
[[nodiscard]] constexpr bool is_service(Kind kind) {
  return kind > Kind::first_service && kind < Kind::first_delivery;
}
[[nodiscard]] constexpr bool is_delivery(Kind kind) { return kind > Kind::first_delivery; }

/// Whether a process may send it; the others are for ranks and for homes. What else one sends is a
/// sign that it does not know what it does.
[[nodiscard]] constexpr bool is_for_processes(Kind kind) {
  switch (kind) {
    case Kind::end_peer_gone:  // from the other end's home
    case Kind::permits:        // from its worker
    case Kind::recalled:
    case Kind::spawned:
    case Kind::waits_want:
    case Kind::waits_rank:
    case Kind::waits_objects:
      return false;
    case Kind::word:
    case Kind::spare:
      return true;
    default:
      return kind >= Kind::create && kind < Kind::first_service;
  }
}

/// header.status of release.
enum class ReleaseRoute : std::uint16_t {
  any,  ///< of a Lock: whoever holds it
  own,  ///< of a Lock: only if header.from holds it
};

/// header.status of queue_put.
enum class PutRoute : std::uint16_t {
  free,      ///< where there is room
  reserved,  ///< into the room of a queue_reserve
};

/// header.status of end_send and end_item.
enum class EndRoute : std::uint16_t {
  home,        ///< a message
  to_ring,     ///< no message: what follows comes by the direct ring
  ring_ended,  ///< a message; the sender has closed its direct ring
};

/// What has become of the other end of a pipe (header.status of end_peer_gone and end_closed): it has
/// users again, all of its copies are closed, or a process that held it has died.
enum class EndGone : std::uint16_t { no = 0, closed = 1, lost = 2 };

/// header.status of a reply.
enum class Status : std::uint16_t {
  ok,
  no,  ///< a try that found nothing, or a call that was cancelled
  closed,
  usage,      ///< {text}: UsageError at the caller
  no_object,  ///< the object is gone
  failed,     ///< {text}: LaunchError at the caller
  error,      ///< {captured exception}
};

enum class ObjectKind : std::uint8_t {
  pipe_end,
  queue,
  lock,
  cell,
  process,
  pool,
  semaphore,  ///< {u64 permits, u64 most, u8 owned} → its word
  event,      ///< → its word
  barrier,    ///< {u64 parties, u8 has action}, payload: the action
  array,      ///< {u64 bytes, those that are not 0} → the word of its lock
};

}  // namespace mpx::detail
