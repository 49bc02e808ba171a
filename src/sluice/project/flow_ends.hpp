// The ends of a flow as the project file names them: `from`, `into` and `rejects`.
#pragma once

#include <string>
#include <vector>

#include "sluice/project/project.hpp"
#include "sluice/project/reader.hpp"

namespace sluice::project {

class FlowEnds {
 public:
  // What is passed outlives this. Relative files start at `folder`.
  FlowEnds(const std::vector<Connection>& connections, const Variables& variables, const std::string& folder)
      : connections_(connections), variables_(variables), folder_(folder) {}

  // In this order.
  Result<void> read_from(const Node& node, Flow& flow);
  Result<void> read_into(const Node& node, Flow& flow);
  Result<void> read_rejects(const Node& node, Flow& flow);

  // Of an export.
  Result<void> read_from_database(const Node& node, const models::ParameterValues& values, Export& to);
  Result<void> read_into_objects(const Node& node, IntoObjects& into);
  Result<void> read_incremental(const Node& node, Export& to) const;

  // `schedule`, of which it reads `watch`.
  Result<std::vector<Watched>> read_watch(const Node& schedule) const;

  Result<const Connection*> connection_in_role(const std::string& name, Role role, const Place& place) const;

 private:
  struct Table {
    std::string connection;
    TableName table;
  };
  // A file beside the project, with something in it; `what` is its key.
  Result<std::string> read_file(const Node& node, const std::string& what, std::string& file,
                                const std::string& hint) const;
  Result<void> read_objects(const Node& node, From& from);
  Result<void> read_mode(const Node& node, Flow& flow);
  Result<Table> read_table(const Node& node) const;

  const std::vector<Connection>& connections_;
  const Variables& variables_;
  const std::string& folder_;
};

}  // namespace sluice::project
