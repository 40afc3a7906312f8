#include <gtest/gtest.h>

#include <boost/optional.hpp>
#include <boost/serialization/array_wrapper.hpp>
#include <boost/serialization/base_object.hpp>
#include <boost/serialization/binary_object.hpp>
#include <boost/serialization/export.hpp>
#include <boost/serialization/library_version_type.hpp>  // list.hpp of 1.74 forgets it
#include <boost/serialization/list.hpp>
#include <boost/serialization/nvp.hpp>
#include <boost/serialization/optional.hpp>
#include <boost/serialization/shared_ptr.hpp>
#include <boost/serialization/split_member.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/unique_ptr.hpp>
#include <boost/serialization/vector.hpp>
#include <boost/serialization/version.hpp>
#include <boost/serialization/weak_ptr.hpp>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/codec_types.hpp"

namespace mpx::detail::test {

struct Shape {
  virtual ~Shape() = default;
  [[nodiscard]] virtual double area() const = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& BOOST_SERIALIZATION_NVP(name);
  }
  std::string name;
};
struct Square : Shape {
  [[nodiscard]] double area() const override { return side * side; }
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& boost::serialization::base_object<Shape>(*this);
    archive& side;
  }
  double side = 0;
};
struct Unregistered : Shape {
  [[nodiscard]] double area() const override { return 0; }
};

/// Owns through raw pointers, as old code does; shares, and points at itself.
struct Graph {
  struct Node {
    int value = 0;
    Node* next = nullptr;
    template <class Archive>
    void serialize(Archive& archive, unsigned /*version*/) {
      archive& value& next;
    }
  };
  std::vector<Node*> nodes;
  Graph() = default;
  Graph(Graph&& other) noexcept : nodes(std::exchange(other.nodes, {})) {}
  ~Graph() {
    for (const auto* node : nodes) delete node;
  }
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& nodes;
  }
};

struct Versioned {
  int value = 0;
  unsigned seen = 0;
  template <class Archive>
  void save(Archive& archive, unsigned /*version*/) const {
    archive << value;
  }
  template <class Archive>
  void load(Archive& archive, unsigned version) {
    archive >> value;
    seen = version;
  }
  BOOST_SERIALIZATION_SPLIT_MEMBER()
};

struct Grid {
  enum class Kind { coarse, fine } kind = Kind::coarse;
  int cells[2][3] = {};
  std::vector<double> row;
  char tag[4] = {};
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& kind& cells;
    auto size = row.size();
    archive& size;
    row.resize(size);
    archive& boost::serialization::make_array(row.data(), size);
    archive& boost::serialization::make_binary_object(tag, sizeof tag);
  }
};

struct Family {
  std::shared_ptr<Particle> mother, father, godmother;
  std::weak_ptr<Particle> eldest;
  boost::optional<int> postcode;
  std::list<std::shared_ptr<Shape>> shapes;
  Ticket ticket;
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& mother& father& godmother& eldest& postcode& shapes& ticket;
  }
};

/// A member, and a pointer to that member: Boost keeps them together.
struct SelfPointing {
  Graph::Node inner;
  Graph::Node* current = &inner;
  SelfPointing() = default;
  SelfPointing(const SelfPointing&) = delete;
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& inner& current;
  }
};

/// Never held by a pointer.
struct Lonely {
  int value = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& value;
  }
};

struct Refusing {
  template <class Archive>
  void serialize(Archive&, unsigned /*version*/) {
    throw std::domain_error("not today");
  }
};

}  // namespace mpx::detail::test

BOOST_CLASS_EXPORT(mpx::detail::test::Square)
BOOST_CLASS_VERSION(mpx::detail::test::Versioned, 7)

namespace mpx::detail::test {
namespace {

TEST(BoostArchive, TypesWithTheirOwnSerializeTravel) {
  EXPECT_EQ(again(Particle{1, {2, 3}}), (Particle{1, {2, 3}}));
  EXPECT_EQ(again(Length(12)), Length(12));
  const Tree tree{1, {{2, {}}, {3, {{4, {}}}}}};
  EXPECT_EQ(again(tree), tree);
  const auto payload = encode(std::vector<Account>{Account(1), Account(2)});
  EXPECT_EQ(decode<std::vector<Account>>(payload.bytes)[1], Account(2));
}

TEST(BoostArchive, AnUnsharedClassCostsOneByteAndNoHeader) {
  EXPECT_EQ(encode(Lonely{1}).bytes.size(), 8u + 1u + 4u);
  EXPECT_EQ(encode(std::vector<Lonely>(100)).bytes.size(), 8u + 8u + 1u + 100u * 4u);
}

TEST(BoostArchive, TheVersionOfAClassIsSeen) { EXPECT_EQ(again(Versioned{5}).seen, 7u); }

TEST(BoostArchive, ArraysEnumsAndBinaryObjectsTravel) {
  Grid grid;
  grid.kind = Grid::Kind::fine;
  grid.cells[1][2] = 9;
  grid.row = {1, 2, 3};
  grid.tag[0] = 'x';
  const auto back = again(grid);
  EXPECT_EQ(back.kind, Grid::Kind::fine);
  EXPECT_EQ(back.cells[1][2], 9);
  EXPECT_EQ(back.row, grid.row);
  EXPECT_EQ(back.tag[0], 'x');
}

/// All that Boost needs is private.
class Reserved {
 public:
  static Reserved make(int n) { return Reserved(n); }
  [[nodiscard]] int n() const { return n_; }

 private:
  friend class boost::serialization::access;
  Reserved() = default;
  explicit Reserved(int n) : n_(n) {}
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& n_;
  }
  int n_ = 0;
};

TEST(BoostArchive, PrivateMembersThatBoostMayUseDo) {
  EXPECT_EQ(again(Reserved::make(5)).n(), 5);
  EXPECT_EQ(again(std::vector{Reserved::make(6)}).at(0).n(), 6);
  EXPECT_EQ(again(std::map<int, Reserved>{{1, Reserved::make(7)}}).at(1).n(), 7);
}

TEST(BoostArchive, SharedObjectsStayShared) {
  Family family;
  family.mother = std::make_shared<Particle>(Particle{1, {2}});
  family.godmother = family.mother;
  family.eldest = family.mother;
  family.postcode = 1234;
  auto square = std::make_shared<Square>();
  square->side = 3;
  square->name = "s";
  family.shapes = {square, square, nullptr};
  const ObjectId id{1, 2, ProcessId(0, 3)};
  family.ticket = Ticket(id);
  const auto payload = encode(family);
  EXPECT_EQ(payload.handles, (std::vector<Reference>{{id, {}}}));
  const auto back = decode<Family>(payload.bytes);
  EXPECT_EQ(*back.mother, *family.mother);
  EXPECT_EQ(back.father, nullptr);
  EXPECT_EQ(back.godmother, back.mother);
  EXPECT_EQ(back.eldest.lock(), back.mother);
  EXPECT_EQ(back.postcode.value(), 1234);
  ASSERT_EQ(back.shapes.size(), 3u);
  EXPECT_EQ(back.shapes.front()->area(), 9);
  EXPECT_EQ(back.shapes.front()->name, "s");
  EXPECT_EQ(back.shapes.front(), *std::next(back.shapes.begin()));
  EXPECT_EQ(back.ticket, Ticket(id));
}

TEST(BoostArchive, SmartPointersTravelWithTheirBoostHeaders) {
  EXPECT_EQ(again(std::make_shared<Particle>(Particle{4, {}}))->id, 4);
  const auto particle = again(std::make_unique<Particle>(Particle{3, {1}}));
  EXPECT_EQ(particle->id, 3);
  std::vector<std::unique_ptr<Particle>> row;
  row.push_back(std::make_unique<Particle>(Particle{7, {}}));
  row.push_back(nullptr);
  const auto back = again(row);
  EXPECT_EQ(back[0]->id, 7);
  EXPECT_EQ(back[1], nullptr);
  auto square = std::make_unique<Square>();
  square->side = 2;
  const std::unique_ptr<Shape> shape = std::move(square);
  EXPECT_EQ(again(shape)->area(), 4);
}

TEST(BoostArchive, SharingReachesOverTheElementsOfAContainer) {
  const auto one = std::make_shared<Particle>();
  const auto back = again(std::vector{one, one});
  EXPECT_EQ(back[0], back[1]);
}

TEST(BoostArchive, TwoValuesOfOneWriterShareNothing) {
  Writer writer;
  for (int i = 0; i < 2; ++i) {
    const auto here =
        std::make_shared<Particle>(Particle{i, {}});  // most likely at the same address both times
    write(writer, here);
  }
  Reader reader(writer.bytes());
  EXPECT_EQ(read<std::shared_ptr<Particle>>(reader)->id, 0);
  EXPECT_EQ(read<std::shared_ptr<Particle>>(reader)->id, 1);
  EXPECT_TRUE(reader.at_end());
}

TEST(BoostArchive, RawPointersInsideAClassKeepTheirGraph) {
  Graph graph;
  graph.nodes = {new Graph::Node{1}, new Graph::Node{2}};
  graph.nodes[0]->next = graph.nodes[1];
  graph.nodes[1]->next = graph.nodes[0];
  const auto back = again(graph);
  ASSERT_EQ(back.nodes.size(), 2u);
  EXPECT_EQ(back.nodes[0]->next, back.nodes[1]);
  EXPECT_EQ(back.nodes[1]->next, back.nodes[0]);
}

TEST(BoostArchive, APointerToAMemberFollowsTheMember) {
  SelfPointing value;
  value.inner.value = 5;
  Writer writer;
  write(writer, value);
  SelfPointing back;
  back.current = nullptr;
  Reader reader(writer.bytes());
  ArchiveScope scope(reader);
  read_part(reader, back);
  scope.finish();
  EXPECT_EQ(back.current, &back.inner);
  EXPECT_EQ(back.current->value, 5);
  EXPECT_TRUE(reader.at_end());
}

TEST(BoostArchive, AnUnregisteredDerivedClassIsACodecErrorThatNamesTheType) {
  const std::unique_ptr<Shape> shape = std::make_unique<Unregistered>();
  try {
    encode(shape);
    FAIL();
  } catch (const CodecError& error) {
    EXPECT_NE(std::string(error.what()).find("std::unique_ptr<mpx::detail::test::Shape"),
              std::string::npos)
        << error.what();
  }
}

TEST(BoostArchive, WhatAUsersSerializeThrowsArrivesAsItIs) {
  EXPECT_THROW(encode(Refusing()), std::domain_error);
}

TEST(BoostArchive, AWriterCanGoOnAfterAFailedValue) {
  Writer writer;
  EXPECT_THROW(write(writer, Refusing()), std::domain_error);
  EXPECT_FALSE(writer.has_archive());
  writer.bytes().clear();
  write(writer, Particle{1, {}});
  Reader reader(writer.bytes());
  EXPECT_EQ(read<Particle>(reader).id, 1);
}

TEST(BoostArchive, CollectionsLoadedByBoostDoNotTrustTheirLength) {
  Writer writer;
  writer.number(std::uint8_t{1});         // Graph is not shared
  writer.number(std::uint8_t{2});         // nor is the vector of pointers, says this byte
  writer.number(std::uint64_t{1} << 50);  // its length
  for (int i = 0; i < 16; ++i) writer.number(std::uint64_t{0});
  Reader reader(writer.bytes());
  EXPECT_THROW(read<Graph>(reader), CodecError);
}

}  // namespace
}  // namespace mpx::detail::test
