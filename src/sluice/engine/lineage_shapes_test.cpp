// What a value tells without being given: by a length, a number of rows, an order, a place, a NULL.
#include <algorithm>

#include "sluice/engine/lineage_fixture.hpp"

namespace sluice::engine {
namespace {

struct Row {
  const char* sql;
  const char* told;
};

constexpr Row rows[] = {
    // how long a list made of another is
    {"select len(list_transform(range(ascii(ip)), lambda x: 1)) as n from people", "n <- people.ip"},
    {"select array_to_string(list_transform(list_transform(string_split(ip, ''), lambda c: "
     "len(list_transform(range(ascii(c)), lambda x: 1))), lambda k: chr(k::int)), '') as t from people",
     "t <- people.ip"},
    {"select len([1 for x in range(ascii(ip))]) as n from people", "n <- people.ip"},
    {"select len([1 for x in [1, 2, 3] if x < len(ip)]) as n from people", "n <- people.ip"},
    {"select unnest(list_transform(range(ascii(ip)), lambda x: 1)) as u from people",
     "u <- people.ip; ? unnest people.ip"},
    {"select list_transform(if(ip = '10.0.0.1', [1], []), lambda x: 7) as l from people", "l <- people.ip"},
    {"select list_transform(if(ip = '10.0.0.1', [1], null), lambda x: 7) is null as l from people", "l <- people.ip"},
    {"select list_apply(nullif([1], [ascii(ip)]), lambda x: 7) as l from people", "l <- people.ip"},
    {"select list_transform(list_filter([1, 2, 3], lambda x: x < len(ip)), lambda x: 7) as l from people",
     "l <- people.ip"},
    {"select list_transform(list_sort([ip, mail]), lambda x: mask_siv(x, 'ip')) as l from people",
     "l <- masked people.ip; l <- masked people.mail; l <- people.ip; l <- people.mail"},
    {"select list_transform(list_distinct([ip, mail]), lambda x: mask_siv(x, 'ip')) as l from people",
     "l <- masked people.ip; l <- masked people.mail; l <- people.ip; l <- people.mail"},
    {"select list_transform(list_resize([1], ascii(ip)), lambda x: 7) as l from people", "l <- people.ip"},
    {"select list_transform([1, 2, 3][:ascii(ip) - 48], lambda x: 7) as l from people", "l <- people.ip"},
    {"select list_transform([1, 2], lambda x: len(list_transform(range(ascii(ip)), lambda y: 1))) as l from people",
     "l <- people.ip"},
    {"select list_transform([range(ascii(ip))], lambda x: len(list_transform(x, lambda y: 1))) as l from people",
     "l <- people.ip"},
    {"select len(list_transform(list_transform(range(ascii(ip)), lambda x: 1), lambda x: 1)) as n from people",
     "n <- people.ip"},
    {"select list_reduce(list_transform(range(ascii(ip)), lambda x: 1), lambda a, b: a + b) as n from people",
     "n <- people.ip"},
    {"select len(list_transform(l, lambda x: 1)) as n from (select string_split(ip, ',') as l from people)",
     "n <- people.ip"},
    {"select len(list_transform(string_split(ip, '.'), lambda x: 1)) as n from people", "n <- people.ip"},
    {"select len(list_transform(string_split(ip, name), lambda x: 1)) as n from people", "n <- people.ip"},
    {"select len(list_transform(string_split(ip || ',', ','), lambda x: 1)) as n from people", "n <- people.ip"},
    {"select len(list_transform(try_cast(doc as json[]), lambda x: 1)) as n from people", "n <- people.doc"},
    {"select count(*) as n, id from (select id, unnest(list_transform(range(ascii(ip)), lambda x: 1)) from people) "
     "group by id",
     "n <- people.ip; ? unnest people.ip"},
    {"select id, l from people, lateral (select list_transform(range(ascii(ip)), lambda x: 1) as l)", "l <- people.ip"},
    {"select g.id, len(list_transform(l, lambda x: 1)) as n from (select id, range(id) as l from pages) g, people p "
     "where len(l) = ascii(p.ip)",
     "id <- people.ip; n <- people.ip; ? where people.ip"},
    // which stays possible
    {"select list_transform([ip, ip], lambda x: mask_siv(x, 'ip')) as l from people", "l <- masked people.ip"},
    {"select list_transform([ip, mail]::varchar[], lambda x: 1) as l from people", ""},
    {"select list_transform(string_split(mail, ','), lambda x: mask_siv(trim(x), 'email')) as l from people",
     "l <- masked people.mail; ? list_transform people.mail"},
    {"select list_transform(doc->>'$[*]', lambda x: mask_siv(x, 'text')) as l from people",
     "l <- masked people.doc; ? list_transform people.doc"},
    {"select list_transform((doc->'$[*]')::varchar[], lambda x: mask_siv(x, 'text')) as l from people",
     "l <- masked people.doc; ? list_transform people.doc"},
    {"select list_transform(doc::varchar[], lambda x: mask_siv(x, 'text')) as l from people",
     "l <- masked people.doc; ? list_transform people.doc"},
    {"select [mask_siv(x, 'email') for x in string_split(mail, ',')] as l from people",
     "l <- masked people.mail; ? list_transform people.mail"},
    {"select list_filter(list_transform(string_split(mail, ','), lambda x: mask_siv(x, 'email')), lambda x: x is not "
     "null) as l from people",
     "l <- masked people.mail; ? list_transform people.mail"},
    {"select list_sort(list_transform([ip, name], lambda x: mask_siv(x, 'ip'))) as l from people",
     "l <- masked people.ip"},
    {"select reveal(list_transform(string_split(ip, '.'), lambda x: mask_siv(x, 'part')), 'four parts') as l from "
     "people",
     "l <- masked people.ip; l <- revealed people.ip"},
    {"select list_transform(string_split(name, ''), lambda x: 1) as l from people", ""},
    {"select list_transform(range(id), lambda x: x + 1) as l from people", ""},
    // how long a text is, how many rows there are
    {"select lpad('', ascii(ip), 'x') as t, repeat('x', len(mail)) as u, rpad('', year(born)::int, 'x') as v from "
     "people",
     "t <- people.ip; u <- people.mail; v <- people.born"},
    {"select len(range(ascii(ip))) as n, len(generate_series(1, ascii(ip))) as m from people",
     "n <- people.ip; m <- people.ip"},
    {"select len(repeat([1], ascii(ip))) as n, len(list_resize([1], ascii(ip))) as m from people",
     "n <- people.ip; m <- people.ip"},
    {"select len(string_split('a.b.c', left(ip, 1))) as n from people", "n <- people.ip"},
    {"select len(map_keys(map([ip, name], [1, 2]))) as n from people", "n <- people.ip"},
    {"select unnest(range(ascii(ip))) is not null as b from people", "b <- people.ip; ? unnest people.ip"},
    {"select count(*) as n from (select unnest(range(ascii(ip))) from people)", "n <- people.ip; ? unnest people.ip"},
    {"select count(*) as n from (select unnest([range(ascii(ip)), [1]], recursive := true) from people)",
     "n <- people.ip; ? unnest people.ip"},
    {"select count(*) as n from (select unnest([range(ascii(ip)), [1]], max_depth := 2) from people)",
     "n <- people.ip; ? unnest people.ip"},
    {"select id, count(*) as n from people, generate_series(1, ascii(ip)) group by id",
     "n <- people.ip; ? table function people.ip"},
    {"select id, count(*) as n from people, unnest(string_split(ip, '')) group by id",
     "n <- people.ip; ? table function people.ip"},
    {"select len(list(name) filter (where ip > 'x')) as n from people", "? filter people.ip"},
    {"select len(array_agg(name order by ip)) as n from people", "? order by people.ip"},
    {"select len(array_agg(if(ip = '10.0.0.1', 1, null))) as n from people", "n <- people.ip"},
    {"select id from people limit (select ascii(ip) from people limit 1)", "? limit people.ip"},
    {"select count(*) as n from (select 1 from range(1000) limit (select ascii(ip) from people limit 1))",
     "n <- people.ip; ? limit people.ip"},
    {"select id from people offset (select ascii(ip) from people limit 1)", "? limit people.ip"},
    {"select count(*) as n from (select 1 from range((select ascii(ip) from people limit 1)))",
     "n <- people.ip; ? table function people.ip"},
    {"select count(*) as n from range((select ascii(ip) from people limit 1))",
     "n <- people.ip; ? table function people.ip"},
    {"select count(*) as n from (select unnest(x) from (select list_transform(range(ascii(ip)), lambda x: 1) as x from "
     "people))",
     "n <- people.ip; ? unnest people.ip"},
    {"select len(list(1)) as n from range((select ascii(ip) from people limit 1))",
     "n <- people.ip; ? table function people.ip"},
    // at which place something stands
    {"select substr('0123456789', ascii(ip) - 47, 1) as t, 'abc'[ascii(ip) - 47] as u from people",
     "t <- people.ip; u <- people.ip"},
    {"select list_extract([1, 2, 3], ascii(ip) - 48) as n, [1, 2, 3][ascii(ip) - 48] as m from people",
     "n <- people.ip; m <- people.ip"},
    {"select struct_extract({'a': 1, 'b': 2}, 'a') as n, {'a': ip, 'b': 2}.b as m from people", "m <- people.ip"},
    {"select map([49, 50], ['a', 'b'])[ascii(ip)] as t, element_at(map([ip], [1]), '10.0.0.1') as u from people",
     "t <- people.ip; u <- people.ip"},
    {"select list_position(['a', ip], '10.0.0.1') as n, instr('0123456789', left(ip, 1)) as m from people",
     "n <- people.ip; m <- people.ip"},
    {"select list_sort([name, ip])[1] as t, list_grade_up([name, ip]) as u, array_to_string(list_sort([7, ascii(ip)]), "
     "',') as v from people",
     "t <- people.ip; u <- people.ip; v <- people.ip"},
    {"select first(name order by ip) as t, last(id order by mail) as u from people",
     "? order by people.ip; ? order by people.mail"},
    {"select nth_value(name, ascii(ip)) over () as t, ntile(ascii(ip)) over () as u from people",
     "t <- people.ip; u <- people.ip"},
    {"select lag(name, ascii(ip) - 49) over (order by id) as t from people", "t <- people.ip"},
    {"select translate('abc', 'a', ip) as t, 'abc' || chr(ascii(ip)) as u from people",
     "t <- people.ip; u <- people.ip"},
    {"select 'abc' like left(ip, 1) || '%' as b, starts_with('10.0', left(ip, 2)) as c from people",
     "b <- people.ip; c <- people.ip"},
    // whether there is a value
    {"select nullif('a', left(ip, 1)) as t, nullif(left(ip, 1), '1') is null as b, coalesce(nullif(ip, '10.0.0.1'), "
     "'x') as u from people",
     "t <- people.ip; b <- people.ip; u <- people.ip"},
    {"select try_cast(ip as int) is null as b, try(ip::int) is not null as c, try_cast(mail as date) is null as d from "
     "people",
     "b <- people.ip; c <- people.ip; d <- people.mail"},
    {"select if(ip = '10.0.0.1', 1, null) is null as b, case ip when '10.0.0.1' then 1 end is null as c from people",
     "b <- people.ip; c <- people.ip"},
    {"select ifnull(if(ip = '10.0.0.1', 1, null), 0) as n, greatest(if(ip = '10.0.0.1', 1, null), 0) as m from people",
     "n <- people.ip; m <- people.ip"},
    {"select doc::varchar[] is null as b, ip::varchar is null as c from people", "b <- people.doc"},
    {"select list_transform(doc::varchar[], lambda x: x is null) as l from people",
     "l <- people.doc; ? list_transform people.doc"},
    {"select [1, null][ascii(ip) - 48] is null as b from people", "b <- people.ip"},
    {"select list_filter([1], lambda x: ip = '10.0.0.1') = [] as b, list_contains(['10.0.0.1'], ip) as c from people",
     "b <- people.ip; c <- people.ip"},
    {"select json_array_length(doc) as n, json_keys(doc) as k, json_type(doc) as t, json_exists(doc, '$.b') as e from "
     "people",
     "n <- people.doc; k <- people.doc; t <- people.doc; e <- people.doc"},
    {"select isnan(ascii(ip)::double) as b, isfinite(born) as c from people", "b <- people.ip; c <- people.born"},
    {"select any_value(if(ip = '10.0.0.1', 1, null)) as n, bool_or(ip = '10.0.0.1') as b, count_if(ip = '10.0.0.1') as "
     "c from people",
     "n <- people.ip; b <- people.ip; c <- people.ip"},
};

TEST_F(LineageTest, what_a_length_or_a_place_tells_is_followed) {
  for (const Row& row : rows) EXPECT_EQ(told(row.sql), row.told) << row.sql;
}

}  // namespace
}  // namespace sluice::engine
