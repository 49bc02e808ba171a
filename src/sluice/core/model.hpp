// A model: a SELECT that the database turns into a table or a view, and the tests that decide whether it is published.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/settings.hpp"
#include "sluice/core/table_name.hpp"
#include "sluice/core/type.hpp"

namespace sluice {

enum class Materialize {
  table,        // all rows give way to the new ones
  view,         // nothing is stored
  incremental,  // rows whose key stands among the new ones give way, the others stay
  upsert,       // the row of an equal key is changed, others are added; one row a key
};

struct ModelColumn {
  std::string name;
  std::optional<Type> type{};  // empty: as the SELECT gives it
  bool not_null = false;
};

struct ModelTest {
  std::string name;  // "unique order_id"
  std::string sql;   // a SELECT that gives the rows at fault: it passes when there is none
  Place place{};     // where it is declared; without a file: nowhere

  // "test unique order_id (models/m.yaml:3:5)", for messages
  std::string text() const { return "test " + name + (place.file.empty() ? "" : " (" + place.text() + ")"); }
};

struct Model {
  std::string name;
  TableName table;
  Materialize materialize = Materialize::table;
  std::vector<std::string> key{};      // of incremental and upsert; the primary key of a table that is made
  std::vector<ModelColumn> columns{};  // what is declared; others are taken as they come
  std::string sql;                     // one SELECT, its values put in
  Place place;                         // of its first character
  std::vector<ModelTest> tests{};
};

struct ModelBuilt {
  std::uint64_t rows = 0;  // that the SELECT gave; of a view 0
  std::vector<std::string> passed{};
  struct Failed {
    std::string test;
    std::uint64_t rows = 0;  // at fault
  };
  std::vector<Failed> failed{};  // if there is one, nothing was published
  bool turn_lost = false;        // then neither
};

}  // namespace sluice
