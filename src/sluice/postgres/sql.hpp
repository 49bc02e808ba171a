// Names and texts as SQL writes them. Values of rows never come this way: they are parameters or COPY.
#pragma once

#include <string>
#include <string_view>

#include "sluice/core/database.hpp"

namespace sluice::postgres {

// "a ""b""". The caller has checked that there is no NUL in it.
std::string quoted(std::string_view identifier);
// "schema"."table", or "table" alone where the server looks by itself.
std::string quoted(const TableName& name);
// E'...' with backslashes and quotes doubled: reads the same whatever standard_conforming_strings says.
std::string literal(std::string_view text);

// A text that any server takes: NUL and bytes that are no UTF-8 become '?'.
std::string presentable(std::string_view text);

}  // namespace sluice::postgres
