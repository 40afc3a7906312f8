#include "mpx/detail/named_core.hpp"

#include <fmt/format.h>

#include "core/pack.hpp"
#include "endpoint/client.hpp"
#include "mpx/error.hpp"
#include "wire/well_known.hpp"

namespace mpx {

Named named(std::string_view text) {
  constexpr std::size_t kMost = 4096;
  if (text.empty()) throw UsageError("named(\"\"): the name of an object must not be empty");
  if (text.size() > kMost) {
    throw UsageError(
        fmt::format("named(\"{}…\"): the name of an object has at most {} bytes, not {}",
                    text.substr(0, 32), kMost, text.size()));
  }
  return {std::string(text), Named::Checked{}};
}

namespace detail {

void find_or_make(const Named& name, std::string_view type,
                  const std::function<void(Reader&)>& load,
                  const std::function<void(Writer&)>& make) {
  const auto client = Client::current();
  auto found = client->calls().call(Kind::name_find, kNameTable,
                                    {Packer::pack(name.text(), std::string(type)), {}});
  found.check("looking up a named object");
  if (found.status == Status::ok) {
    Incoming incoming(found.payload.handles);
    Reader reader(found.payload.bytes);
    return load(reader);
  }
  // Nobody has made it, and all others who ask wait for this process.
  Writer writer;
  writer.number(std::uint64_t{name.text().size()});
  writer.raw(name.text().data(), name.text().size());
  try {
    make(writer);
    static_cast<void>(client->calls().call(Kind::name_bind, kNameTable, writer.take()));
  } catch (...) {
    static_cast<void>(
        client->calls().call(Kind::name_give_up, kNameTable, {Packer::pack(name.text()), {}}));
    throw;
  }
}

}  // namespace detail
}  // namespace mpx
