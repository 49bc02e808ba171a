// The order of work: what reads a table waits for whatever writes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/core/settings.hpp"
#include "sluice/core/table_name.hpp"

namespace sluice::models {

struct GraphTable {
  std::string connection;
  TableName name;
  std::string home{};  // of a name without schema: the schema that is looked in first

  std::string text() const { return connection + "." + name.text(); }
};

struct Step {
  std::string name;
  std::string kind;  // "flow", "model": for people
  Place place;
  std::vector<GraphTable> reads{};
  std::vector<GraphTable> writes{};
  bool reads_itself = false;  // may read what it wrote before: rows are added to it
};

class Graph {
 public:
  Graph() = default;  // of no step
  // Errors (config): two steps of one name, a cycle, which is shown with its tables.
  static Result<Graph> make(std::vector<Step> steps);

  const std::vector<Step>& steps() const { return steps_; }
  // Steps by their number, each behind those it waits for, else as they were given.
  const std::vector<std::size_t>& order() const { return order_; }
  const std::vector<std::size_t>& waits_for(std::size_t step) const { return waits_for_[step]; }

  // `name`, `name+` with all that waits for it, `+name` with all that it waits for, `+name+`. Several may stand in one
  // text, with spaces or commas between. Gives a flag a step; no selector selects everything. An unknown name is an
  // error (config).
  Result<std::vector<bool>> select(const std::vector<std::string>& selectors) const;

  // Tables that are read, but written by no step.
  std::vector<GraphTable> sources() const;

  std::string text() const;                         // a line a step, in order, for people
  std::string dot(std::string_view project) const;  // for Graphviz

 private:
  std::vector<std::size_t> writers_of(const GraphTable& read) const;
  // Adds what the step reads and no step writes, each table once.
  void add_sources(const Step& step, std::vector<GraphTable>& found) const;
  std::vector<GraphTable> sources_of(const Step& step) const;
  void connect();
  Result<void> sort();
  std::string cycle_from(std::size_t start, const std::vector<bool>& done) const;

  std::vector<Step> steps_;
  std::vector<std::vector<std::size_t>> waits_for_;
  std::vector<std::size_t> order_;
};

}  // namespace sluice::models
