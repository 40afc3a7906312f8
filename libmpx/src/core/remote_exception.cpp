#include "core/remote_exception.hpp"

#include <cxxabi.h>
#include <fmt/format.h>

#include <cstring>
#include <string_view>
#include <typeinfo>
#include <utility>

#include "core/exception_record.hpp"
#include "core/remote_classes.hpp"
#include "core/symbols.hpp"
#include "core/throw_trace.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

void erase_all(std::string& text, std::string_view part) {
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at)) {
    text.erase(at, part.size());
  }
}

/// Name of the type being handled, as its author wrote it.
std::string current_type_name() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (type == nullptr) return "unknown type";
  std::string name = demangle(type->name());
  erase_all(name, "__cxx11::");
  erase_all(name, "[abi:cxx11]");
  constexpr std::string_view wrapper = "std::_Nested_exception<";  // by std::throw_with_nested
  if (name.starts_with(wrapper) && name.ends_with('>')) {
    name = name.substr(wrapper.size(), name.size() - wrapper.size() - 1);
  }
  return name;
}

struct Named {
  std::string type_name;
  std::string message;
};

Named name_of(const std::exception_ptr& exception, int depth);

/// Type and message of `exception`, the one being handled, and of those nested in it.
Named name_of_handled(const std::exception& exception, int depth) {
  if (const auto* origin = dynamic_cast<const RemoteOrigin*>(&exception)) {
    return {origin->type_name(), origin->message()};
  }
  const char* text = exception.what();
  Named named{current_type_name(), text == nullptr ? "" : text};
  constexpr int kDeepest = 16;
  const auto* nested = dynamic_cast<const std::nested_exception*>(&exception);
  if (nested != nullptr && nested->nested_ptr() != nullptr && depth < kDeepest) {
    const auto inner = name_of(nested->nested_ptr(), depth + 1);
    named.message += fmt::format("; caused by {}: {}", inner.type_name, inner.message);
  }
  return named;
}

Named name_of(const std::exception_ptr& exception, int depth = 0) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& thrown) {
    return name_of_handled(thrown, depth);
  } catch (const std::string& thrown) {
    return {"std::string", thrown};
  } catch (const char* thrown) {
    return {"char const*", thrown == nullptr ? "" : thrown};
  } catch (int thrown) {
    return {"int", std::to_string(thrown)};
  } catch (...) {
    return {current_type_name(), ""};
  }
}

/// The exception object; libstdc++'s exception_ptr is a pointer to it.
const void* object_of(const std::exception_ptr& exception) {
  static_assert(sizeof(std::exception_ptr) == sizeof(void*));
  const void* object = nullptr;
  std::memcpy(&object, &exception, sizeof object);
  return object;
}

RemoteOrigin::Data data_of(const RemoteOrigin& origin) {
  return {origin.type_name(), origin.message(), origin.index(), origin.process_name(),
          origin.rank(),      origin.host(),    origin.pid(),   origin.backtrace()};
}

RemoteOrigin::Data data_here(const std::exception_ptr& exception, const ThrownAt& place) {
  auto named = name_of(exception);
  return {std::move(named.type_name),
          std::move(named.message),
          std::nullopt,
          place.process_name,
          place.rank,
          place.host,
          place.pid,
          backtrace_of(object_of(exception))};
}

std::string one_line(std::string text) {
  for (auto at = text.find('\n'); at != text.npos; at = text.find('\n', at)) {
    text.replace(at, 1, "\\n");
  }
  return text;
}

}  // namespace

Bytes capture(const std::exception_ptr& exception, const ThrownAt& place,
              std::optional<std::size_t> index) {
  ExceptionRecord record;
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& thrown) {
    classify(thrown, record);
    const auto* origin = dynamic_cast<const RemoteOrigin*>(&thrown);
    record.origin = origin != nullptr ? data_of(*origin) : data_here(exception, place);
  } catch (...) {
    classify_foreign(record);
    record.origin = data_here(exception, place);
  }
  if (!record.origin.index) record.origin.index = index;
  return encode(record);
}

void rethrow(ByteView encoded) { throw_as_classified(decode_record(encoded)); }

std::exception_ptr decode_exception(ByteView encoded) {
  try {
    rethrow(encoded);
  } catch (...) {
    return std::current_exception();
  }
}

std::string describe(const std::exception_ptr& exception) {
  const auto named = name_of(exception);
  if (named.message.empty()) return named.type_name;
  return one_line(fmt::format("{}: {}", named.type_name, named.message));
}

std::string describe_origin(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const RemoteOrigin& origin) {
    auto text = fmt::format("process {}, rank {}, host {}, pid {}", origin.process_name(),
                            origin.rank().number(), origin.host(), origin.pid());
    if (origin.index()) text += fmt::format(", element {}", *origin.index());
    return text;
  } catch (...) {
    return {};
  }
}

}  // namespace mpx::detail
