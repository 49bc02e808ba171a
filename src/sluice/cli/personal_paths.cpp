#include "sluice/cli/personal_paths.hpp"

namespace sluice::cli {

std::string arrival(const engine::PersonalPath& path) {
  if (path.passage == engine::Passage::clear) return "in clear: the connection allows it";
  return path.passage == engine::Passage::revealed ? "in clear, revealed: " + path.by : path.by;
}

assembly::Json paths_json(const engine::Lineage& lineage) {
  assembly::Json paths = assembly::Json::array();
  for (const engine::PersonalPath& path : lineage.paths)
    paths.push_back({{"source", path.source}, {"column", path.column}, {"by", arrival(path)}, {"path", path.path}});
  return paths;
}

}  // namespace sluice::cli
