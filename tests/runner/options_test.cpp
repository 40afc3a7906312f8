#include "options.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <sstream>

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
  EXPECT_EQ(parse_duration("--grace", "90"), 90s);
  EXPECT_EQ(parse_duration("--grace", "90s"), 90s);
  EXPECT_EQ(parse_duration("--grace", "1.5m"), 90s);
  EXPECT_EQ(parse_duration("--grace", "2h"), 2h);
  EXPECT_EQ(parse_duration("--grace", "500ms"), 500ms);
  for (const std::string text : {"", "s", "-1", "0", "5 m", "5d", "nan", "inf", "1e300"}) {
    EXPECT_THROW(static_cast<void>(parse_duration("--timeout", text)), Refusal) << text;
  }
}

TEST(Options, SayWhichOneLacksItsValueAndWhatItMeans) {
  for (const auto& option : option_table()) {
    for (const auto& name : {option.letter.empty() ? "" : "-" + option.letter,
                             option.word.empty() ? "" : "--" + option.word}) {
      if (name.empty()) continue;
      if (option.argument.empty()) {
        EXPECT_THAT(refusal_of({"--" + option.word + "=3", "p"}), HasSubstr("takes no value"));
        continue;
      }
      const auto said = refusal_of({name});
      EXPECT_THAT(said, HasSubstr(name)) << name;
      EXPECT_THAT(said, HasSubstr(" needs a value, " + option.argument + ": ")) << name;
      EXPECT_THAT(said, HasSubstr(" " + option.example + "; see")) << name;
      Options options;
      EXPECT_NO_THROW(option.set(options, option.example)) << name;
    }
  }
}

TEST(Options, RefuseNoHostAtAll) {
  EXPECT_THAT(refusal_of({"--host", "", "p"}), HasSubstr("--host needs at least one node"));
  EXPECT_THAT(refusal_of({"--host", "a", "--host", "", "p"}), HasSubstr("--host needs"));
}

TEST(Options, TakeNodesRanksAndSlots) {
  const auto options = parse({"-N", "3", "--ranks-per-node=2", "--slots-per-rank", "8",
                              "--cpus-per-slot", "4", "--launcher", "srun", "p"});
  EXPECT_EQ(options.nodes, 3);
  EXPECT_EQ(options.ranks_per_node, 2);
  EXPECT_EQ(options.slots_per_rank, 8);
  EXPECT_EQ(options.cpus_per_slot, 4);
  EXPECT_EQ(options.launcher, Launcher::srun);
  EXPECT_THAT(refusal_of({"--launcher", "aprun", "p"}), HasSubstr("auto, mpirun or srun"));
  for (const std::string option : {"-N", "--ranks-per-node", "--slots-per-rank", "--cpus-per-slot"})
    EXPECT_THAT(refusal_of({option, "0", "p"}), HasSubstr(option + " needs a whole number"));
}

TEST(Options, ExcludeEachOtherWhereBothSayTheSame) {
  for (const std::string option : {"-w", "--ranks-per-node", "--slots-per-rank"})
    EXPECT_THAT(refusal_of({"-n", "2", option, "2", "p"}), HasSubstr("exclude")) << option;
  EXPECT_THAT(refusal_of({"-w", "2", "--slots-per-rank", "2", "p"}), HasSubstr("exclude"));
  EXPECT_THAT(refusal_of({"--output", "d", "--tag-output", "p"}), HasSubstr("exclude"));
}

TEST(Options, GraceMayBeNone) {
  EXPECT_EQ(parse({"p"}).grace, 10s);
  EXPECT_EQ(parse({"--grace", "0", "p"}).grace, 0s);
  EXPECT_EQ(parse({"--grace=1m", "p"}).grace, 1min);
  EXPECT_THAT(refusal_of({"--grace", "-1", "p"}), HasSubstr("--grace needs a time"));
}

TEST(Options, HelpNamesEachAndFitsAScreen) {
  const std::string help = help_text();
  EXPECT_LE(std::count(help.begin(), help.end(), '\n'), 36);
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 82u) << line;
  for (const auto& option : option_table()) {
    EXPECT_THAT(help, HasSubstr(option.word.empty() ? "-" + option.letter : "--" + option.word));
  }
}

}  // namespace
}  // namespace mpx::runner
