#include "mpx/detail/type_name.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "mpx/rank.hpp"

namespace mpx::detail {
namespace {

struct Local {};

TEST(TypeName, IsWhatAPersonWouldWrite) {
  EXPECT_EQ(type_name<int>(), "int");
  EXPECT_EQ(type_name<std::string>(), "std::string");
  EXPECT_EQ((type_name<std::map<std::string, std::vector<int>>>()),
            "std::map<std::string, std::vector<int>>");
  EXPECT_EQ(type_name<mpx::Rank>(), "mpx::Rank");
  EXPECT_EQ(type_name<Local>(), "mpx::detail::Local");
}

TEST(TypeName, FingerprintsTellTypesApart) {
  static_assert(fingerprint<int> != fingerprint<unsigned>);
  static_assert(fingerprint<long> != fingerprint<long long>);
  static_assert(fingerprint<std::vector<int>> != fingerprint<std::vector<long>>);
  static_assert(fingerprint<std::string> == fingerprint<std::basic_string<char>>);
}

TEST(TypeName, AFingerprintFindsItsNameWhileTheEntryLives) {
  EXPECT_NE(type_of_fingerprint(42).find("000000000000002a"), std::string::npos);
  {
    const TypeEntry entry(42, "the answer");
    EXPECT_EQ(type_of_fingerprint(42), "the answer");
  }
  EXPECT_NE(type_of_fingerprint(42), "the answer");
}

}  // namespace
}  // namespace mpx::detail
