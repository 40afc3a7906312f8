#include "endpoint/make_core.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/log.hpp"

namespace mpx::detail {
namespace {
thread_local Incoming* innermost = nullptr;
}  // namespace

Incoming::Incoming(std::vector<Reference>& handles)
    : handles_(handles), outer_(std::exchange(innermost, this)) {}

Incoming::Incoming(Payload& payload) : Incoming(payload.handles) {}

Incoming::~Incoming() {
  innermost = outer_;
  if (keep_ || handles_.empty()) return;
  try {
    Client::current()->cores().drop(handles_);
  } catch (const Error& error) {
    log_debug("handles that arrived are not given back: {}", error.what());
  }
  handles_.clear();
}

Reference Incoming::take(const ObjectId& id) {
  for (auto* incoming = innermost; incoming != nullptr; incoming = incoming->outer_) {
    auto& handles = incoming->handles_;
    const auto found = std::find_if(handles.begin(), handles.end(),
                                    [&](const Reference& handle) { return handle.object == id; });
    if (found == handles.end()) continue;
    const auto taken = *found;
    handles.erase(found);
    return taken;
  }
  throw CodecError(
      fmt::format("a handle of {} is decoded for which no reference came along", to_string(id)));
}

Core::~Core() = default;

const ObjectId& Core::id() {
  once_.run([this] {
    if (!id_.empty()) return;
    client_ = Client::current();
    try {
      id_ = create();
    } catch (...) {
      client_.reset();
      throw;
    }
    client_->cores().remember(*this);
  });
  return id_;
}

Client& Core::client() {
  id();
  return *client_;
}

void Core::set_id(const ObjectId& id, std::shared_ptr<Client> client) {
  id_ = id;
  client_ = std::move(client);
}

void Core::give_up() {
  if (client_) client_->cores().retire(*this);
}

void Core::save(Writer& writer) {
  const auto& name = id();
  save_id(writer, name);
  save_details(writer);
  writer.carry(name, shared_from_this());
}

void save_id(Writer& writer, const ObjectId& id) {
  writer.number(id.home);
  writer.number(id.serial);
  writer.number(id.maker.value());
}

ObjectId load_id(Reader& reader) {
  ObjectId id;
  id.home = reader.number<std::int32_t>();
  id.serial = reader.number<std::uint32_t>();
  id.maker = ProcessId::from_value(reader.number<std::uint64_t>());
  return id;
}

}  // namespace mpx::detail
