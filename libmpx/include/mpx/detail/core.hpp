#pragma once

#include <cstdint>
#include <memory>

#include "mpx/detail/buffer.hpp"
#include "mpx/detail/deadline.hpp"
#include "mpx/detail/ids.hpp"
#include "mpx/detail/mutex.hpp"
#include "mpx/detail/once.hpp"
#include "mpx/detail/stable.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

class Client;
struct Frame;

/// The name of an object inside an encoded value.
void save_id(Writer& writer, const ObjectId& id);
ObjectId load_id(Reader& reader);

/// While it lives, the handles that this thread decodes take over references in flight from
/// `handles`, each its own; those that are left at the end are given back.
class Incoming {
 public:
  explicit Incoming(stable::vector<Reference>& handles);
  explicit Incoming(Payload& payload);
  ~Incoming();
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;

  /// Leaves what is left in `handles`: the value will be decoded again.
  void keep() { keep_ = true; }

  /// Takes a reference to `id` out of the innermost one that has it. Throws CodecError if none has.
  static Reference take(const ObjectId& id);

 private:
  stable::vector<Reference>& handles_;
  Incoming* outer_;
  bool keep_ = false;
};

/// What stands behind a handle in one process: the name of a shared object, made at first use, and
/// this process's reference to it. All handles of one process that name an object share its core.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  virtual ~Core();

  /// The object's name; makes the object if need be. Throws UsageError before mpx::run.
  const ObjectId& id();

  /// The client through which the object is reached.
  Client& client();

  /// Gives up this process's reference, if it has one: before the core is deleted, or earlier.
  void give_up();

  /// Writes the name, for a handle that travels.
  void save(Writer& writer);

  /// A message for this object has arrived; called under the client's mutex.
  virtual void on(Frame&& /*frame*/) MPX_REQUIRES(client_mutex) {}

  /// For mpx::wait: sees to it that ready() becomes true in time. Called without the mutex.
  virtual void subscribe() {}
  /// Whether the object is ready in the sense of mpx::wait; called under the client's mutex.
  [[nodiscard]] virtual bool ready() const MPX_REQUIRES(client_mutex) { return true; }

 protected:
  Core() = default;

  /// This process is about to give up its reference; called under the client's mutex. True: not
  /// yet, see CoreTable::linger().
  virtual bool before_drop() MPX_REQUIRES(client_mutex) { return false; }

  /// This process is about to end, with the object perhaps still in use elsewhere; called under the
  /// client's mutex.
  virtual void before_exit() MPX_REQUIRES(client_mutex) {}

  /// Makes the object and returns its name. Called once, without the client's mutex.
  virtual ObjectId create() = 0;
  /// What a copy in another process must know beyond the name.
  virtual void save_details(Writer& /*writer*/) const {}

  /// For an object that exists already.
  void set_id(const ObjectId& id, std::shared_ptr<Client> client);

 private:
  friend class CoreTable;

  Once once_;
  ObjectId id_;
  std::shared_ptr<Client> client_;
  bool retired_ MPX_GUARDED_BY(client_mutex) = false;
};

}  // namespace mpx::detail
