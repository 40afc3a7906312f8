#include "options.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

Options parse(std::vector<std::string> arguments) { return parse_options(arguments); }

std::string refusal_of(std::vector<std::string> arguments) {
  try {
    static_cast<void>(parse_options(arguments));
  } catch (const Refusal& refusal) {
    EXPECT_EQ(refusal.status(), bad_usage);
    return refusal.what();
  }
  return "accepted";
}

TEST(Options, TakeEverythingFromTheProgramOnAsItsArguments) {
  const auto options = parse({"-n", "3", "./program", "-n", "4", "--help", "--", "-x"});
  EXPECT_EQ(options.ranks, 3);
  EXPECT_FALSE(options.workers);
  EXPECT_THAT(options.program, ElementsAre("./program", "-n", "4", "--help", "--", "-x"));
}

TEST(Options, MayBeSetOffFromTheProgramByTwoDashes) {
  EXPECT_THAT(parse({"-w", "2", "--", "./program", "--", "a"}).program,
              ElementsAre("./program", "--", "a"));
  EXPECT_THAT(parse({"--", "./program"}).program, ElementsAre("./program"));
}

TEST(Options, MayBeWrittenWithEqualsSigns) {
  const auto options = parse({"--ranks=3", "--timeout=5m", "--hostfile=f", "p"});
  EXPECT_EQ(options.ranks, 3);
  EXPECT_EQ(options.timeout, 5min);
  EXPECT_EQ(options.hostfile, "f");
}

TEST(Options, CollectWhatMayBeRepeated) {
  const auto options = parse({"-x", "A=1 2", "-x", "B", "--mpi-arg", "--tag-output", "--mpi-arg",
                              "--mca", "--host", "a:1", "--host", "b", "p", "q"});
  EXPECT_THAT(options.exports, ElementsAre("A=1 2", "B"));
  EXPECT_THAT(options.mpi_arguments, ElementsAre("--tag-output", "--mca"));
  EXPECT_EQ(options.hosts, "a:1,b");
  EXPECT_THAT(options.program, ElementsAre("p", "q"));
}

TEST(Options, PointToMpiArgForWhatOnlyMpirunKnows) {
  EXPECT_THAT(refusal_of({"--report-bindings", "./p"}), HasSubstr("--mpi-arg --report-bindings"));
  EXPECT_THAT(refusal_of({"-n", "2", "-q", "./p"}), HasSubstr("--mpi-arg -q"));
}

TEST(Options, RefuseCountsThatAreNone) {
  for (const std::string count : {"0", "-1", "x", "1.5", "99999999999", "2x"}) {
    EXPECT_THAT(refusal_of({"-n", count, "p"}), HasSubstr("whole number")) << count;
    EXPECT_THAT(refusal_of({"-w", count, "p"}), HasSubstr("whole number")) << count;
  }
  EXPECT_THAT(refusal_of({"-np", "2", "p"}), HasSubstr("write -n N"));
  EXPECT_THAT(refusal_of({"-n", "2", "-w", "2", "p"}), HasSubstr("exclude"));
}

TEST(Options, NeedAProgramUnlessHelpOrVersionIsAskedFor) {
  EXPECT_THAT(refusal_of({}), HasSubstr("no program given"));
  EXPECT_THAT(refusal_of({"-n", "2"}), HasSubstr("no program given"));
  EXPECT_THAT(refusal_of({"-n"}), HasSubstr("--help"));
  EXPECT_EQ(parse({"--help"}).action, Options::Action::help);
  EXPECT_EQ(parse({"--version"}).action, Options::Action::version);
}

TEST(Options, RefuseAnArgumentThatMpirunWouldTakeForItself) {
  EXPECT_THAT(refusal_of({"p", "a", ":", "b"}), HasSubstr("\":\""));
}

TEST(Options, ReadTimesWithAndWithoutUnit) {
  EXPECT_EQ(parse_duration("90"), 90s);
  EXPECT_EQ(parse_duration("90s"), 90s);
  EXPECT_EQ(parse_duration("1.5m"), 90s);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  for (const std::string text : {"", "s", "-1", "0", "5 m", "5d", "nan", "inf", "1e300"}) {
    EXPECT_THROW(static_cast<void>(parse_duration(text)), Refusal) << text;
  }
}

TEST(Options, HelpFitsAScreen) {
  const std::string help = help_text();
  EXPECT_LE(std::count(help.begin(), help.end(), '\n'), 40);
  for (const std::string option : {"--ranks", "--workers", "--host ", "--hostfile", "-x ",
                                   "--timeout", "--mpi-arg", "--dry-run", "--verbose"}) {
    EXPECT_THAT(help, HasSubstr(option));
  }
}

}  // namespace
}  // namespace mpx::runner
