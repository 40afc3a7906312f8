#include "mpx/detail/barrier_core.hpp"

#include <fmt/format.h>

#include <exception>

#include "core/pack.hpp"
#include "endpoint/client.hpp"
#include "endpoint/make_core.hpp"
#include "mpx/detail/callable.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

void throw_if_broken(const Reply& reply) {
  reply.check("wait at a Barrier");
  if (reply.status != Status::no) return;
  throw BrokenBarrier("wait at a Barrier: it is broken: " +
                      Unpacker(reply.payload.bytes).get<std::string>());
}

}  // namespace

std::shared_ptr<BarrierCore> BarrierCore::make(std::uint64_t parties,
                                               std::optional<Payload> action) {
  if (parties == 0) throw UsageError("a Barrier for 0 parties: at least 1");
  return make_core<BarrierCore>(parties, std::move(action));
}

std::shared_ptr<BarrierCore> BarrierCore::load(Reader& reader) {
  const auto id = load_id(reader);
  return adopt_core<BarrierCore>(id, [] { return make(1, {}); });
}

ObjectId BarrierCore::create() {
  const auto client = Client::current();
  const auto id = client->placement().new_object(client->placement().home_here());
  Packer packer;
  packer.put(ObjectKind::barrier);
  packer.put(parties_);
  packer.put(std::uint8_t{action_.has_value()});
  auto action = action_ ? std::move(*action_) : Payload{};
  packer.put_raw(action.bytes.data(), action.bytes.size());
  client->placement().make_object(id, {std::move(packer).take(), std::move(action.handles)},
                                  "making a Barrier");
  action_.reset();
  return id;
}

std::uint64_t BarrierCore::wait(Deadline deadline) {
  auto& to = client();
  // Who has thrown comes through no more: the barrier breaks, for those that relied on it.
  const auto late = [&to, self = id()](const Reply& reply) MPX_REQUIRES(client_mutex) {
    if (reply.status == Status::ok) to.calls().return_from_delivery(Kind::barrier_abort, self, {});
    to.cores().drop_locked(reply.payload.handles);
  };
  auto reply = to.calls().call_until(Kind::barrier_wait, id(), {}, deadline, late);
  if (!reply) {
    throw BrokenBarrier(fmt::format(
        "wait at a Barrier: the time limit has come, and rank {}, where it lives, does not answer",
        id().home));
  }
  throw_if_broken(*reply);
  Unpacker in(reply->payload.bytes);
  const auto index = in.get<std::uint64_t>();
  const auto round = in.get<std::uint64_t>();
  if (round == 0) return index;
  act({Bytes(in.rest().begin(), in.rest().end()), std::move(reply->payload.handles)}, round);
  return index;
}

/// Calls the action; then all learn how it went.
void BarrierCore::act(Payload action, std::uint64_t round) {
  std::exception_ptr trouble;
  std::string text;
  try {
    Incoming incoming(action.handles);
    Reader reader(action.bytes);
    const auto callee = read_callable(reader);
    Writer result;
    callee->call(reader, result);
  } catch (const std::exception& error) {
    trouble = std::current_exception();
    text = error.what();
  } catch (...) {
    trouble = std::current_exception();
  }
  if (trouble && text.empty()) text = "an exception without a text";
  const auto reply =
      client().calls().call(Kind::barrier_done, id(), {Packer::pack(round, text), {}});
  if (trouble) std::rethrow_exception(trouble);
  throw_if_broken(reply);
}

void BarrierCore::abort() {
  client().calls().call(Kind::barrier_abort, id()).check("abort of a Barrier");
}

void BarrierCore::reset() {
  client().calls().call(Kind::barrier_reset, id()).check("reset of a Barrier");
}

BarrierInfo BarrierCore::info() {
  const auto reply = client().calls().call(Kind::barrier_info, id());
  reply.check("asking a Barrier");
  const auto [parties, waiting, broken] =
      Unpacker::unpack<std::uint64_t, std::uint64_t, std::uint8_t>(reply.payload.bytes);
  return {parties, waiting, broken != 0};
}

}  // namespace mpx::detail
