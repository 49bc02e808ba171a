#include "sluice/engine/expression_ways.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "duckdb/function/lambda_functions.hpp"
#include "duckdb/planner/expression/list.hpp"
#include "duckdb/planner/expression_iterator.hpp"
#include "sluice/engine/equalities.hpp"
#include "sluice/engine/functions.hpp"

namespace sluice::engine {
namespace {

using duckdb::Expression;
using duckdb::ExpressionClass;
using duckdb::ExpressionIterator;
using duckdb::ExpressionType;

constexpr std::size_t words_max = 160;

// What a lambda's body reads by number: the elements of the list, the captured columns, the initial value. Which
// number is which differs by function and by nesting, so each stands for all of them.
using Parameters = const Ways*;

bool all_unchanged(const Ways& ways) {
  return std::ranges::all_of(ways, [](const Way& way) { return way.unchanged; });
}

Ways changed(Ways ways) {
  for (Way& way : ways) way.unchanged = false;
  return ways;
}

Ways masked(Ways ways, const MaskCall& mask) {
  for (Way& way : ways) {
    if (way.passage == Passage::clear) {
      const auto form = mask::parse_form(way.source->pii);
      const bool other_form = way.unchanged && mask.form && form && *form != *mask.form;
      way.passage = other_form ? Passage::wrong_form : Passage::masked;
      way.by = mask.text;
    }
    way.unchanged = false;
  }
  return ways;
}

Ways revealed(Ways ways, const std::string& reason) {
  for (Way& way : ways) {
    if (way.passage != Passage::clear) continue;
    way.passage = Passage::revealed;
    way.by = reason;
  }
  return ways;
}

bool is_one_of(std::span<const std::string_view> names, const std::string& name) {
  return std::ranges::find(names, std::string_view(name)) != names.end();
}

bool is_list(const duckdb::LogicalType& type) { return type.id() == duckdb::LogicalTypeId::LIST; }
bool is_nested(const duckdb::LogicalType& type) { return type.IsNested() || type.id() == duckdb::LogicalTypeId::UNION; }

bool is_transform(const duckdb::BoundFunctionExpression& call) {
  static constexpr std::array<std::string_view, 5> names{"list_transform", "array_transform", "list_apply",
                                                         "array_apply", "apply"};
  return is_one_of(names, call.function.name);
}

const std::string* constant_text(const Expression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::BOUND_CONSTANT) return nullptr;
  const duckdb::Value& value = expression.Cast<duckdb::BoundConstantExpression>().value;
  return value.IsNull() || value.type().id() != duckdb::LogicalTypeId::VARCHAR ? nullptr
                                                                               : &duckdb::StringValue::Get(value);
}

// What a list has as many elements of as it holds values: a text cut at its separators, JSON or a text read as a list,
// the `[*]` of a path in JSON. Null: the list is made in another way. Within an address, a number or a date no
// separator stands; '.' or '' would count its digits.
const Expression* holder_of(const Expression& list) {
  static constexpr std::array<std::string_view, 4> splits{"string_split", "str_split", "split", "string_to_array"};
  static constexpr std::array<std::string_view, 6> paths{
      "json_extract", "json_extract_path", "json_extract_string", "json_extract_path_text", "->", "->>"};
  if (!is_list(list.return_type)) return nullptr;
  if (list.GetExpressionClass() == ExpressionClass::BOUND_CAST) {
    const auto& cast = list.Cast<duckdb::BoundCastExpression>();
    return cast.try_cast ? nullptr : cast.child.get();
  }
  if (list.GetExpressionClass() != ExpressionClass::BOUND_FUNCTION) return nullptr;
  const auto& call = list.Cast<duckdb::BoundFunctionExpression>();
  const std::string* argument = call.children.size() == 2 ? constant_text(*call.children[1]) : nullptr;
  if (argument == nullptr) return nullptr;
  const bool separates = !argument->empty() && argument->find_first_not_of(",;| \t\n\r") == std::string::npos;
  const bool held = (separates && is_one_of(splits, call.function.name)) || is_one_of(paths, call.function.name);
  return held ? call.children[0].get() : nullptr;
}

class Look {
 public:
  Look(const Ground& ground, Parameters parameters) : ground_(ground), parameters_(parameters) {}

  // The ways to the value, without the expression itself as a step.
  Ways value(const Expression& expression) const {
    switch (expression.GetExpressionClass()) {
      case ExpressionClass::BOUND_COLUMN_REF:
        return ground_.column(expression.Cast<duckdb::BoundColumnRefExpression>());
      case ExpressionClass::BOUND_CONSTANT: return {};
      case ExpressionClass::BOUND_REF:
        return parameters_ != nullptr ? *parameters_ : ground_.everything("a reference that is not known");
      case ExpressionClass::BOUND_CAST: {
        const auto& cast = expression.Cast<duckdb::BoundCastExpression>();
        Ways ways = value(*cast.child);
        // try_cast makes NULL of what it cannot read, and so tells something of the value by a NULL. A text that is
        // read as a list tells it by the list's length.
        const bool keeps_shape = is_nested(cast.return_type) == is_nested(cast.child->return_type);
        return cast.try_cast || !keeps_shape ? changed(std::move(ways)) : ways;
      }
      case ExpressionClass::BOUND_FUNCTION: return function(expression.Cast<duckdb::BoundFunctionExpression>());
      case ExpressionClass::BOUND_OPERATOR: return of_operator(expression);
      case ExpressionClass::BOUND_BETWEEN:
      case ExpressionClass::BOUND_CASE:
      case ExpressionClass::BOUND_COMPARISON:
      case ExpressionClass::BOUND_CONJUNCTION:
      case ExpressionClass::BOUND_UNNEST: return changed(children(expression));
      default:
        return ground_.everything("an expression (" + duckdb::ExpressionTypeToString(expression.GetExpressionType()) +
                                  ") that cannot be followed");
    }
  }

 private:
  Ways children(const Expression& expression) const {
    Ways ways;
    ExpressionIterator::EnumerateChildren(expression, [&](const Expression& child) { add(ways, value(child)); });
    return ways;
  }

  Ways of_operator(const Expression& expression) const {
    Ways ways = children(expression);
    // Whether there is a value at all is what a mask tells too, since NULL stays NULL.
    const ExpressionType type = expression.GetExpressionType();
    if ((type == ExpressionType::OPERATOR_IS_NULL || type == ExpressionType::OPERATOR_IS_NOT_NULL) &&
        all_unchanged(ways)) {
      return {};
    }
    return changed(std::move(ways));
  }

  Ways function(const duckdb::BoundFunctionExpression& call) const {
    if (const auto mask = mask_call(call)) {
      Ways ways;
      for (std::size_t i = 0; i < call.children.size(); ++i) {
        Ways of_argument = value(*call.children[i]);
        add(ways, i < mask->inputs ? masked(std::move(of_argument), *mask) : changed(std::move(of_argument)));
      }
      return ways;
    }
    if (const std::string reason = reveal_reason(call); !reason.empty())
      return revealed(value(*call.children[0]), reason);
    Ways ways = children(call);
    if (const auto* lambda = dynamic_cast<const duckdb::ListLambdaBindData*>(call.bind_info.get());
        lambda != nullptr && lambda->lambda_expr) {
      if (parameters_ != nullptr) add(ways, *parameters_);
      ways = changed(std::move(ways));
      Ways body = Look(ground_, &ways).value(*lambda->lambda_expr);
      if (is_transform(call)) {
        // It holds what the body gives, as often as the list has elements, or is NULL where that is.
        add(body, length(*call.children[0]));
        return changed(std::move(body));
      }
      add(ways, body);
    }
    return changed(std::move(ways));
  }

  // The ways to how many elements a list has, and to whether it is NULL. As many as a tagged column holds values are
  // a number, as count() of them is: it decides, and the values do not arrive. Of any other list the length may be
  // made of the value.
  Ways length(const Expression& list) const {
    if (list.GetExpressionClass() == ExpressionClass::BOUND_FUNCTION) {
      const auto& call = list.Cast<duckdb::BoundFunctionExpression>();
      if (call.function.name == "list_value") return {};  // [a, b]
      if (is_transform(call)) return length(*call.children[0]);
    } else if (list.GetExpressionClass() == ExpressionClass::BOUND_CAST) {
      const auto& cast = list.Cast<duckdb::BoundCastExpression>();
      const bool both = is_list(cast.return_type) && is_list(cast.child->return_type);
      if (both && !cast.try_cast) return length(*cast.child);
    }
    if (const Expression* held = holder_of(list)) {
      const Ways ways = value(*held);
      if (std::ranges::all_of(ways, [](const Way& way) { return way.unchanged && !way.equal; })) {
        ground_.decides(ways, "list_transform");
        return {};
      }
    }
    return changed(value(list));
  }

  const Ground& ground_;
  Parameters parameters_;
};

std::string words(const Expression& expression);

std::string all_words(const duckdb::vector<duckdb::unique_ptr<Expression>>& expressions) {
  std::string text;
  for (const auto& expression : expressions) text += (text.empty() ? "" : ", ") + words(*expression);
  return text;
}

std::string words_of_call(const duckdb::BoundFunctionExpression& call) {
  if (const auto mask = mask_call(call)) {
    std::string text = mask->function + "(";
    for (std::size_t i = 0; i < mask->inputs; ++i) text += (i == 0 ? "" : ", ") + words(*call.children[i]);
    for (const std::string& argument : mask->arguments) text += ", '" + shown(argument) + "'";
    return text + ")";
  }
  if (!reveal_reason(call).empty()) return "reveal(" + words(*call.children[0]) + ")";
  if (call.is_operator && call.children.size() == 2) {
    return words(*call.children[0]) + " " + call.function.name + " " + words(*call.children[1]);
  }
  std::string text = call.function.name + "(" + all_words(call.children);
  if (const auto* lambda = dynamic_cast<const duckdb::ListLambdaBindData*>(call.bind_info.get());
      lambda != nullptr && lambda->lambda_expr) {
    text += ", lambda: " + words(*lambda->lambda_expr);
  }
  return text + ")";
}

std::string words(const Expression& expression) {
  const std::string& alias = expression.GetAlias();
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::BOUND_COLUMN_REF:
    case ExpressionClass::BOUND_REF: return alias.empty() ? "_" : shown(alias);
    case ExpressionClass::BOUND_CONSTANT: {
      const duckdb::Value& value = expression.Cast<duckdb::BoundConstantExpression>().value;
      if (value.IsNull()) return "null";
      return value.type().id() == duckdb::LogicalTypeId::VARCHAR ? "'...'" : "...";
    }
    case ExpressionClass::BOUND_FUNCTION: return words_of_call(expression.Cast<duckdb::BoundFunctionExpression>());
    case ExpressionClass::BOUND_CAST: {
      const auto& cast = expression.Cast<duckdb::BoundCastExpression>();
      if (cast.child->GetExpressionClass() == ExpressionClass::BOUND_CONSTANT) return words(*cast.child);
      // The type's name only: an enum's has all of its values.
      return std::string(cast.try_cast ? "try_cast(" : "cast(") + words(*cast.child) + " as " +
             duckdb::StringUtil::Lower(duckdb::LogicalTypeIdToString(cast.return_type.id())) + ")";
    }
    case ExpressionClass::BOUND_CASE: {
      const auto& cases = expression.Cast<duckdb::BoundCaseExpression>();
      std::string text = "case";
      for (const auto& check : cases.case_checks) {
        text += " when " + words(*check.when_expr) + " then " + words(*check.then_expr);
      }
      return text + " else " + words(*cases.else_expr) + " end";
    }
    case ExpressionClass::BOUND_COMPARISON: {
      const auto& comparison = expression.Cast<duckdb::BoundComparisonExpression>();
      return words(*comparison.left) + " " +
             duckdb::StringUtil::Lower(duckdb::ExpressionTypeToOperator(expression.GetExpressionType())) + " " +
             words(*comparison.right);
    }
    default: break;
  }
  std::string arguments;
  ExpressionIterator::EnumerateChildren(
      expression, [&](const Expression& child) { arguments += (arguments.empty() ? "" : ", ") + words(child); });
  std::string name = duckdb::StringUtil::Lower(duckdb::ExpressionTypeToString(expression.GetExpressionType()));
  for (const std::string_view prefix : {"operator_", "compare_", "conjunction_", "bound_"}) {
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
  }
  return name + "(" + arguments + ")";
}

bool is_count(const std::string& name) { return name == "count" || name == "count_star"; }

void ordered(const Ground& ground, const duckdb::vector<duckdb::BoundOrderByNode>& orders) {
  for (const auto& order : orders) ground.orders(*order.expression);
}

// count() of a column is a number of rows; of an expression it may be the answer to a question about the value.
Ways counted(const Ground& ground, const duckdb::vector<duckdb::unique_ptr<Expression>>& arguments) {
  for (const auto& argument : arguments) {
    const Ways ways = ways_to(ground, *argument);
    if (!all_unchanged(ways)) ground.decides(ways, "count");
  }
  return {};
}

Ways values_of(const Ground& ground, const duckdb::vector<duckdb::unique_ptr<Expression>>& arguments,
               const std::string& name) {
  Ways ways;
  for (const auto& argument : arguments) add(ways, Look(ground, nullptr).value(*argument));
  return stepped(changed(std::move(ways)), name + "(" + all_words(arguments) + ")");
}

}  // namespace

std::string in_words(const Expression& expression) {
  std::string text = words(expression);
  if (text.size() > words_max) {
    std::size_t end = words_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not inside a character
    text = text.substr(0, end) + "...";
  }
  return text;
}

std::string alias_of(const Expression& expression) {
  const std::string& alias = expression.GetAlias();
  return alias.find_first_of("'(") == std::string::npos ? shown(alias) : "";
}

bool has_written_length(const Expression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::BOUND_UNNEST) return false;
  const Expression& list = *expression.Cast<duckdb::BoundUnnestExpression>().child;
  return list.GetExpressionClass() == ExpressionClass::BOUND_FUNCTION &&
         list.Cast<duckdb::BoundFunctionExpression>().function.name == "list_value";
}

Ways ways_to(const Ground& ground, const Expression& expression) {
  Ways ways = Look(ground, nullptr).value(expression);
  if (ways.empty() || expression.GetExpressionClass() == ExpressionClass::BOUND_COLUMN_REF) return ways;
  return stepped(std::move(ways), in_words(expression));
}

Ways ways_to_aggregate(const Ground& ground, const duckdb::BoundAggregateExpression& aggregate) {
  if (aggregate.filter) ground.lets_through(*aggregate.filter, "filter");
  if (aggregate.order_bys) ordered(ground, aggregate.order_bys->orders);
  if (is_count(aggregate.function.name)) return counted(ground, aggregate.children);
  return values_of(ground, aggregate.children, aggregate.function.name);
}

bool counts_rows(const duckdb::BoundAggregateExpression& aggregate) {
  return !keeps_a_value(aggregate.function.name) && !aggregate.IsDistinct();
}

Ways ways_to_window(const Ground& ground, const duckdb::BoundWindowExpression& window) {
  for (const auto& partition : window.partitions) ground.groups(*partition, "partition by");
  ordered(ground, window.orders);
  ordered(ground, window.arg_orders);
  if (window.filter_expr) ground.lets_through(*window.filter_expr, "filter");
  const std::string name = window.aggregate
                               ? window.aggregate->name
                               : duckdb::StringUtil::Lower(duckdb::ExpressionTypeToString(window.GetExpressionType()));
  Ways ways = is_count(name) ? counted(ground, window.children) : values_of(ground, window.children, name);
  // A frame's bounds, an offset and a default come from values, too.
  for (const auto* more : {&window.start_expr, &window.end_expr, &window.offset_expr, &window.default_expr}) {
    if (*more) add(ways, stepped(changed(Look(ground, nullptr).value(**more)), name + "(" + in_words(**more) + ")"));
  }
  return ways;
}

}  // namespace sluice::engine
