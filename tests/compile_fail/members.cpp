// Classes whose serialize does not do.
#include <atomic>
#include <boost/serialization/access.hpp>
#include <boost/serialization/shared_ptr.hpp>
#include <boost/serialization/unique_ptr.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "mpx/mpx.hpp"

using mpx::detail::decode;
using mpx::detail::encode;

#define SERIALIZE(MEMBER)                                               \
  template <class Archive>                                              \
  void serialize(Archive& archive, [[maybe_unused]] unsigned version) { \
    archive& MEMBER;                                                    \
  }

struct Plain {
  int n;
};
struct Ordinary {
  int n;
};
struct Simple {
  int n;
};

struct WithAtomic {
  std::atomic<int> n;
  SERIALIZE(n)
};
// expect: belong to one process and cannot travel
void atomic_member(const WithAtomic& value) { encode(value); }

struct WithPlain {
  Plain plain;
  SERIALIZE(plain)
};
// expect: this type cannot travel between processes: give it a Boost serialize
void plain_member(const WithPlain& value) { encode(value); }

struct WithView {
  std::string_view text;
  SERIALIZE(text)
};
// expect: a view (std::string_view, std::span
void view_member(const WithView& value) { encode(value); }

struct WithPointer {
  int* n;
  SERIALIZE(n)
};
// expect: a pointer inside a value travels, with what it points to, only if
void pointer_member(const WithPointer& value) { encode(value); }

// expect: a pointer inside a value travels, with what it points to, only if
void unique_ptr_to_plain(const std::unique_ptr<Ordinary>& value) { encode(value); }

// expect: a pointer inside a value travels, with what it points to, only if
void shared_ptr_to_plain(const std::shared_ptr<Simple>& value) { encode(value); }

// expect: or hold the value itself
void shared_ptr_to_string(const std::shared_ptr<std::string>& value) { encode(value); }

struct WithConst {
  const int n = 0;
  SERIALIZE(n)
};
// expect: a const member cannot be read back
void const_member() { decode<WithConst>({}); }

struct ConstSerialize {
  std::string text;
  template <class Archive>
  void serialize(Archive& archive, unsigned) const {
    archive& text;
  }
};
// expect: nor any member in a serialize that is const
void const_serialize() { decode<ConstSerialize>({}); }

class Private {
  long n = 0;
  SERIALIZE(n)
};
// expect: friend class boost::serialization::access;
void private_serialize(const Private& value) { encode(value); }

struct NoVersion {
  short n = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive& n;
  }
};
// expect: void serialize(Archive& archive, unsigned version)
void serialize_without_version(const NoVersion& value) { encode(value); }
