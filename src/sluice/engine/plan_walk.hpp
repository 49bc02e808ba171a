// Walks DuckDB's bound, unoptimised plan from its scans up and gives the lineage of its output columns.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sluice/engine/duck.hpp"
#include "sluice/engine/lineage.hpp"

namespace sluice::engine {

// Which of the relations a scan reads; null: none of them.
using RelationOfScan = std::function<const Relation*(const duckdb::LogicalGet&)>;

// `names` are those of the plan's output columns. `relations` are all that the SELECT may name.
Lineage lineage_of_plan(duckdb::LogicalOperator& plan, const std::vector<std::string>& names,
                        const std::vector<Relation>& relations, const RelationOfScan& relation_of);

}  // namespace sluice::engine
