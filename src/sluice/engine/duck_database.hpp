// The rest of DuckDB's C++ headers: databases, connections, clients, the optimizer. Seven seconds of compiling for each
// file that includes it.
#pragma once

#include "duckdb.hpp"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/main/client_context_state.hpp"
#include "duckdb/optimizer/cte_inlining.hpp"
#include "duckdb/planner/planner.hpp"
#include "sluice/engine/duck.hpp"
