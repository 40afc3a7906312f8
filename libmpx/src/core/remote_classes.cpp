#include "core/remote_classes.hpp"

#include <fmt/format.h>

#include <any>
#include <filesystem>
#include <functional>
#include <future>
#include <ios>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <regex>
#include <stdexcept>
#include <system_error>
#include <typeinfo>
#include <utility>
#include <variant>

#include "mpx/detail/mutex.hpp"

namespace mpx::detail {
namespace {

/// Stands for a category that this process does not know: same name, and equal to itself.
class ForeignCategory final : public std::error_category {
 public:
  explicit ForeignCategory(std::string name) : name_(std::move(name)) {}
  const char* name() const noexcept override { return name_.c_str(); }
  std::string message(int value) const override { return fmt::format("{} error {}", name_, value); }

 private:
  std::string name_;
};

const std::error_category& category_named(const std::string& name) {
  for (const std::error_category* known : {&std::generic_category(), &std::system_category(),
                                           &std::iostream_category(), &std::future_category()}) {
    if (name == known->name()) return *known;
  }
  static Mutex mutex;
  static auto& foreign MPX_GUARDED_BY(mutex) =
      *new std::map<std::string, std::unique_ptr<ForeignCategory>>;
  const MutexLock lock(mutex);
  auto& entry = foreign[name];
  if (!entry) entry = std::make_unique<ForeignCategory>(name);
  return *entry;
}

/// Copies what an E holds beyond its message.
template <class E>
void take_extra(const E& exception, ExceptionRecord& record) {
  if constexpr (std::is_base_of_v<std::system_error, E>) {
    record.category = exception.code().category().name();
    record.code = exception.code().value();
  }
  if constexpr (std::is_same_v<E, std::filesystem::filesystem_error>) {
    record.paths[0] = exception.path1().native();
    record.paths[1] = exception.path2().native();
  } else if constexpr (std::is_same_v<E, std::future_error> ||
                       std::is_same_v<E, std::regex_error>) {
    if constexpr (std::is_same_v<E, std::future_error>) {
      record.code = exception.code().value();
    } else {
      record.code = static_cast<std::int32_t>(exception.code());
    }
  } else if constexpr (std::is_same_v<E, ProcessLost>) {
    record.lost = exception.who();
  } else if constexpr (std::is_same_v<E, BufferTooShort>) {
    record.message = exception.message();
  }
}

/// An E with what take_extra() copied. Its own text does not matter, RemoteAs has the right one.
template <class E>
E make(ExceptionRecord& record) {
  const std::string& text = record.origin.message;
  const auto code = [&] { return std::error_code(record.code, category_named(record.category)); };
  if constexpr (std::is_same_v<E, std::filesystem::filesystem_error>) {
    return E(text, record.paths[0], record.paths[1], code());
  } else if constexpr (std::is_same_v<E, std::system_error>) {
    return E(code(), text);
  } else if constexpr (std::is_same_v<E, std::ios_base::failure>) {
    return E(text, code());
  } else if constexpr (std::is_same_v<E, std::future_error>) {
    return E(static_cast<std::future_errc>(record.code));
  } else if constexpr (std::is_same_v<E, std::regex_error>) {
    return E(static_cast<std::regex_constants::error_type>(record.code));
  } else if constexpr (std::is_same_v<E, ProcessLost>) {
    return E(text, std::move(record.lost));
  } else if constexpr (std::is_same_v<E, BufferTooShort>) {
    return E(text, std::move(record.message));
  } else if constexpr (std::is_constructible_v<E, const std::string&>) {
    return E(text);
  } else {
    return E();
  }
}

/// An E from another process.
template <class E>
class RemoteAs final : public E, public RemoteOrigin {
 public:
  explicit RemoteAs(ExceptionRecord& record)
      : E(make<E>(record)), RemoteOrigin(std::move(record.origin)) {}
  const char* what() const noexcept override { return RemoteOrigin::message().c_str(); }
};

/// What was thrown in another process and is no std::exception.
class RemoteUnknown final : public RemoteError, public RemoteOrigin {
 public:
  explicit RemoteUnknown(ExceptionRecord& record)
      : RemoteError(record.origin.message.empty()
                        ? record.origin.type_name
                        : record.origin.type_name + ": " + record.origin.message),
        RemoteOrigin(std::move(record.origin)) {}
};

struct Class {
  bool (*holds)(const std::exception&, ExceptionRecord&);
  void (*raise)(ExceptionRecord&);
};

template <class E>
bool holds(const std::exception& exception, ExceptionRecord& record) {
  const auto* as = dynamic_cast<const E*>(&exception);
  if (as != nullptr) take_extra(*as, record);
  return as != nullptr;
}

bool holds_unknown(const std::exception& exception, ExceptionRecord& /*record*/) {
  return dynamic_cast<const RemoteUnknown*>(&exception) != nullptr;
}

template <class E>
constexpr Class as() {
  return {holds<E>, [](ExceptionRecord& record) { throw RemoteAs<E>(record); }};
}

// Derived classes stand before their bases: the first that fits is the nearest. A kind on the wire
// is an index into this table; all ranks run the same build.
constexpr Class kClasses[] = {
    {holds_unknown, [](ExceptionRecord& record) { throw RemoteUnknown(record); }},
    as<UsageError>(),
    as<Closed>(),
    as<ProcessLost>(),
    as<RemoteError>(),
    as<LaunchError>(),
    as<CodecError>(),
    as<TransportError>(),
    as<BufferTooShort>(),
    as<BrokenBarrier>(),
    as<AuthenticationError>(),
    as<Error>(),
    as<std::ios_base::failure>(),
    as<std::filesystem::filesystem_error>(),
    as<std::system_error>(),
    as<std::regex_error>(),
    as<std::range_error>(),
    as<std::overflow_error>(),
    as<std::underflow_error>(),
    as<std::runtime_error>(),
    as<std::future_error>(),
    as<std::domain_error>(),
    as<std::invalid_argument>(),
    as<std::length_error>(),
    as<std::out_of_range>(),
    as<std::logic_error>(),
    as<std::bad_array_new_length>(),
    as<std::bad_alloc>(),
    as<std::bad_any_cast>(),
    as<std::bad_cast>(),
    as<std::bad_typeid>(),
    as<std::bad_optional_access>(),
    as<std::bad_variant_access>(),
    as<std::bad_function_call>(),
    as<std::bad_weak_ptr>(),
    as<std::bad_exception>(),
    as<std::exception>(),
};

}  // namespace

void classify(const std::exception& exception, ExceptionRecord& record) {
  for (record.kind = 0; record.kind + 1u < std::size(kClasses); ++record.kind) {
    if (kClasses[record.kind].holds(exception, record)) return;
  }
}

void classify_foreign(ExceptionRecord& record) { record.kind = 0; }

void throw_as_classified(ExceptionRecord record) {
  if (record.kind >= std::size(kClasses)) {
    throw CodecError(
        fmt::format("decoding an exception from another process: no class number {}", record.kind));
  }
  kClasses[record.kind].raise(record);
  std::terminate();  // raise() always throws
}

}  // namespace mpx::detail
