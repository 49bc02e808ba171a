// Which queries let a tagged column through: one row a query, in the shapes that SQL has.
#include <algorithm>

#include "sluice/engine/duck_database.hpp"
#include "sluice/engine/functions.hpp"
#include "sluice/engine/lineage_fixture.hpp"

namespace sluice::engine {
namespace {

struct Row {
  const char* sql;
  const char* told;
};

constexpr Row rows[] = {
    // names, stars, aliases
    {"select id, name from people", ""},
    {"select ip from people", "ip <- people.ip"},
    {"select p.ip as address from people as p", "address <- people.ip"},
    {"select a.x from (select ip as x from people) a", "x <- people.ip"},
    {"select x from people as p(a, b, x)", "x <- people.ip"},
    {"select * from people", "ip <- people.ip; mail <- people.mail; born <- people.born; doc <- people.doc"},
    {"select * exclude (ip, mail, born, doc) from people", ""},
    {"select * exclude (mail, born, doc) replace (mask_siv(ip, 'ip') as ip) from people", "ip <- masked people.ip"},
    {"select * rename (ip as address) from people",
     "address <- people.ip; mail <- people.mail; born <- people.born; doc <- people.doc"},
    {"from people", "ip <- people.ip; mail <- people.mail; born <- people.born; doc <- people.doc"},
    {"select columns('i.*') from people", "ip <- people.ip; mail <- people.mail"},
    {"select columns(c -> c like '%m%') from people", "mail <- people.mail"},
    {"select people from people",
     "people <- people.ip; people <- people.mail; people <- people.born; people <- people.doc"},
    {"select unnest(v) from (select visits as v from visits)", "id <- visits.ip; ip <- visits.ip; page <- visits.ip"},
    {"select name as ip, ip as name from people", "name <- people.ip"},
    {"select rowid from people", ""},
    {"select 'ip' as ip, 1 as mail", ""},
    {"select ip.id from people as ip", ""},
    // masks and reveals
    {"select mask_siv(ip, 'ip') as m from people", "m <- masked people.ip"},
    {"select mask_hmac(mail, 'email') as m, id from people", "m <- masked people.mail"},
    {"select 'x' || mask_siv(ip, 'ip') || name as m from people", "m <- masked people.ip"},
    {"select upper(substr(mask_siv(ip, 'ip'), 1, 5)) as m from people", "m <- masked people.ip"},
    {"select mask_siv(name, 'ip') as masked_ip, ip from people", "ip <- people.ip"},
    {"select mask_siv(name, 'ip') as masked_ip from people", ""},
    {"select coalesce(mask_siv(ip, 'ip'), ip) as m from people", "m <- masked people.ip; m <- people.ip"},
    {"select case when id = 1 then ip else mask_siv(ip, 'ip') end as m from people",
     "m <- people.ip; m <- masked people.ip"},
    {"select mask_siv(ip, 'device') as m from people", "m <- other form people.ip"},
    {"select mask_siv(ip, 'visits') as m from people", "m <- other form people.ip"},
    {"select mask_siv(ip, 'visits', 'ip') as m from people", "m <- masked people.ip"},
    {"select mask_ip(mail) as a, mask_ip_prefix(mail) as b, mask_truncate_ip(mail, 24) as c, mask_email(ip) as d from "
     "people",
     "a <- other form people.mail; b <- other form people.mail; c <- other form people.mail; d <- other form "
     "people.ip"},
    {"select mask_ip(ip) as a, mask_ip_prefix(ip) as b, mask_truncate_ip(ip, 24) as c, mask_email(mail) as d from "
     "people",
     "a <- masked people.ip; b <- masked people.ip; c <- masked people.ip; d <- masked people.mail"},
    {"select mask_ip(trim(mail)) as a, mask_ip(name) as b, mask_redact(ip) as c, mask_partial(mail, 1, 1) as d from "
     "people",
     "a <- masked people.mail; c <- masked people.ip; d <- masked people.mail"},
    {"select mask_siv(x, 'device') as m from (select ip as x from people)", "m <- other form people.ip"},
    {"select mask_siv(id || ip, 'pair') as m from people", "m <- masked people.ip"},
    {"select mask_siv(born::varchar, 'birth') as m from people", "m <- masked people.born"},
    {"select mask_siv(mask_siv(ip, 'ip'), 'again') as m from people", "m <- masked people.ip"},
    {"select reveal(ip, 'the audit needs it') as a from people", "a <- revealed people.ip"},
    {"select reveal(left(ip, 3), 'a part is fine') || mail as a from people",
     "a <- revealed people.ip; a <- people.mail"},
    // expressions
    {"select ip || name as a from people", "a <- people.ip"},
    {"select concat(name, '-', ip) as a from people", "a <- people.ip"},
    {"select format('{}', ip) as a from people", "a <- people.ip"},
    {"select substr(ip, 1, 3) as a, left(mail, 1) as b from people", "a <- people.ip; b <- people.mail"},
    {"select regexp_extract(mail, '@(.*)', 1) as a from people", "a <- people.mail"},
    {"select ip::varchar(3) as a, try_cast(ip as int) as b, born::text as c from people",
     "a <- people.ip; b <- people.ip; c <- people.born"},
    {"select length(ip) as a, md5(mail) as b, hash(ip) as c from people",
     "a <- people.ip; b <- people.mail; c <- people.ip"},
    {"select year(born) as a from people", "a <- people.born"},
    {"select case when ip = '1.2.3.4' then 'a' else 'b' end as a from people", "a <- people.ip"},
    {"select case when id = 1 then ip end as a from people", "a <- people.ip"},
    {"select ip = '1.2.3.4' as a, ip in ('1.2.3.4') as b, ip like '1%' as c from people",
     "a <- people.ip; b <- people.ip; c <- people.ip"},
    {"select ip is null as a, mail is not null as b from people", ""},
    {"select nullif(ip, '1.2.3.4') is null as a from people", "a <- people.ip"},
    {"select if(ip > 'x', 1, 2) as a, coalesce(ip, name) as b, greatest(ip, mail) as c from people",
     "a <- people.ip; b <- people.ip; c <- people.ip; c <- people.mail"},
    {"select ip between 'a' and 'b' as a, not (mail > ip) as b from people",
     "a <- people.ip; b <- people.mail; b <- people.ip"},
    {"select try(ip::int) is null as a, try_cast(mail as int) is null as b from people",
     "a <- people.ip; b <- people.mail"},
    {"select ip collate nocase as a from people", "a <- people.ip"},
    {"select error(ip) as a from people", "a <- people.ip"},
    {"select typeof(ip) as a from people", ""},
    // nested values
    {"select {'a': ip, 'b': id} as s from people", "s <- people.ip"},
    {"select s.a from (select {'a': ip, 'b': id} as s from people)", "a <- people.ip"},
    {"select [ip, name] as l from people", "l <- people.ip"},
    {"select unnest([ip, mail]) as u from people", "u <- people.ip; u <- people.mail"},
    {"select name, unnest(string_split(ip, '.')) as u from people", "u <- people.ip; ? unnest people.ip"},
    {"select map {'k': ip} as m from people", "m <- people.ip"},
    {"select doc->>'$.ip' as a, json_extract(doc, '$.b') as b, doc.c as c from people",
     "a <- people.doc; b <- people.doc; c <- people.doc"},
    {"select to_json(people) as j from people", "j <- people.ip; j <- people.mail; j <- people.born; j <- people.doc"},
    {"select list_transform([ip], lambda x: x || '!') as l from people", "l <- people.ip"},
    {"select list_transform([ip, ip], lambda x: mask_siv(x, 'ip')) as l from people", "l <- masked people.ip"},
    {"select list_transform([1, 2], lambda x: ip) as l from people", "l <- people.ip"},
    {"select list_transform([[ip]], lambda x: list_transform(x, lambda y: mask_siv(y, 'ip') || mail)) as l from people",
     "l <- masked people.ip; l <- masked people.mail; l <- people.ip; l <- people.mail"},
    {"select list_filter([name], lambda x: x = ip) as l from people", "l <- people.ip"},
    {"select list_reduce([name, mail], lambda a, b: mask_siv(a || b, 'pair')) as l from people",
     "l <- people.mail; l <- masked people.mail"},
    {"select [x || '!' for x in [ip] if x <> name] as l from people", "l <- people.ip"},
    // aggregates
    {"select count(*) as n, count(ip) as c, count(distinct mail) as d from people", ""},
    {"select count(nullif(ip, '1.2.3.4')) as n from people", "? count people.ip"},
    {"select min(ip) as a, max(mail) as b, any_value(ip) as c, first(ip) as d from people",
     "a <- people.ip; b <- people.mail; c <- people.ip; d <- people.ip"},
    {"select list(ip) as a, string_agg(mail, ',') as b, array_agg(name) as c from people",
     "a <- people.ip; b <- people.mail"},
    {"select min(mask_siv(ip, 'ip')) as a, list(mask_siv(ip, 'ip')) as b from people",
     "a <- masked people.ip; b <- masked people.ip"},
    {"select arg_max(name, born) as a, max_by(ip, id) as b from people", "a <- people.born; b <- people.ip"},
    {"select count(*) filter (where ip = '1.2.3.4') as n from people", "? filter people.ip"},
    {"select string_agg(name, ',' order by ip) as a from people", "? order by people.ip"},
    {"select ip, count(*) as n from people group by ip", "ip <- people.ip; ? group by people.ip"},
    {"select mask_siv(ip, 'ip') as m, count(*) as n from people group by 1", "m <- masked people.ip"},
    {"select mask_siv(ip, 'ip') as m, count(*) as n from people group by ip",
     "m <- masked people.ip; ? group by people.ip"},
    {"select name, count(*) as n from people group by rollup (name) having min(ip) > 'x'", "? where people.ip"},
    {"select quantile_disc(born, 0.5) as q, percentile_disc(0.5) within group (order by born) as p from people",
     "q <- people.born; p <- people.born"},
    {"select histogram(ip) as h, approx_count_distinct(ip) as n from people", "h <- people.ip; n <- people.ip"},
    {"select distinct ip from people", "ip <- people.ip"},
    {"select distinct on (ip) id from people", "? distinct on people.ip"},
    // windows
    {"select first_value(ip) over (order by id) as a from people", "a <- people.ip"},
    {"select lag(name, 1, ip) over (order by id) as a, lead(ip) over () as b from people",
     "a <- people.ip; b <- people.ip"},
    {"select row_number() over (partition by ip order by born) as n from people",
     "? partition by people.ip; ? order by people.born"},
    {"select count(ip) over (partition by id) as n from people", ""},
    {"select id from people qualify rank() over (order by born) = 1", "? order by people.born"},
    {"select mask_siv(first_value(ip) over (order by id), 'ip') as m from people", "m <- masked people.ip"},
    {"select sum(id) over (order by id rows length(ip) preceding) as n from people", "n <- people.ip"},
    {"select list(ip) over w as l from people window w as (order by id rows 2 preceding)", "l <- people.ip"},
    // joins
    {"select p.name, v.page from people p join visits v on p.id = v.id", ""},
    {"select p.name, v.page from people p join visits v on p.ip = v.ip", "? join people.ip; ? join visits.ip"},
    {"select p.name, v.page from people p left join visits v on p.id = v.id and v.ip > p.ip",
     "? join people.ip; ? join visits.ip"},
    {"select ip from people join visits using (ip)", "ip <- people.ip; ? join people.ip; ? join visits.ip"},
    {"select ip from people full join visits using (ip)",
     "ip <- people.ip; ip <- visits.ip; ? join people.ip; ? join visits.ip"},
    {"select ip from pages join visits using (page)", "ip <- visits.ip"},
    {"select v.* exclude (ip), p.price from visits v natural join pages p", ""},
    {"select p.name, v.* from people p, visits v", "ip <- visits.ip"},
    {"select p.name from people p semi join visits v on p.ip = v.ip", "? join people.ip; ? join visits.ip"},
    {"select p.name, v.ip as w from people p positional join visits v", "w <- visits.ip"},
    {"select p.name, v.ip as w from people p asof join visits v on p.id >= v.id", "w <- visits.ip"},
    // what equals a tagged column
    {"select v.page, v.id from people p join visits v on p.ip = v.page", "page <- people.ip; ? join people.ip"},
    {"select r.x as t from people p join (select '10.0.0.' || i as x from range(256) n(i)) r on r.x = p.ip",
     "t <- people.ip; ? join people.ip"},
    {"select r.i as t from people p join (select '10.0.0.' || i as x, i from range(256) n(i)) r on r.x = p.ip",
     "t <- people.ip; ? join people.ip"},
    {"select p.id, (select v.x from (values ('10.0.0.1')) v(x) where v.x = p.ip) as t from people p",
     "t <- people.ip; ? where people.ip"},
    {"select g.page as t from people p, pages g where g.page = p.ip", "t <- people.ip; ? where people.ip"},
    {"select ip as t from (select page as ip from pages) join people using (ip)", "t <- people.ip; ? join people.ip"},
    {"select g.page as t from people p join pages g on g.page is not distinct from p.ip",
     "t <- people.ip; ? join people.ip"},
    {"select g.page as t, g.price from pages g left join people p on upper(g.page) = upper(p.ip::varchar)",
     "t <- people.ip; ? join people.ip"},
    {"select g.page as t from people p, pages g where md5(g.page) = md5(p.ip)", "t <- people.ip; ? where people.ip"},
    {"select g.id, g.price from people p join pages g on g.page = p.ip", "? join people.ip"},
    {"select t, u from (select page, page as t, upper(page) as u from pages) r join people p on r.page = p.ip",
     "t <- people.ip; u <- people.ip; ? join people.ip"},
    {"select a.page, b.page as t from pages a join pages b on a.page = b.page join people p on p.ip = a.page",
     "page <- people.ip; t <- people.ip; ? join people.ip"},
    {"with r as materialized (select page as x, page as y from pages) select r.y from r join people p on r.x = p.ip",
     "y <- people.ip; ? join people.ip"},
    {"select x from (select page as x from pages union all select name from people) r join people p on r.x = p.ip",
     "x <- people.ip; ? join people.ip"},
    {"select r.m, r.n from (select page as m, count(*) as n from pages group by page) r join people p on r.m = p.ip",
     "m <- people.ip; ? join people.ip"},
    {"select g.page as t from people p, pages g where (g.page = p.ip or g.id = 7) and not g.page <> p.mail",
     "t <- people.ip; ? where people.ip; ? where people.mail"},
    {"select t from (select g.page as t, g.page = p.ip as same from pages g, people p) where same",
     "t <- people.ip; ? where people.ip"},
    {"select g.page as t from people p, pages g where case when g.page = p.ip then true else false end",
     "t <- people.ip; ? where people.ip"},
    {"select g.page as t from people p, pages g where g.page in (p.ip, p.name)", "t <- people.ip; ? where people.ip"},
    {"select g.page as t from people p, pages g where (g.page, g.id) = (p.ip, p.id)",
     "t <- people.ip; ? where people.ip"},
    {"select max(g.page) filter (where g.page = p.ip) as t from people p, pages g",
     "t <- people.ip; ? filter people.ip"},
    {"select page as t from pages g semi join people p on g.page = p.ip", "t <- people.ip; ? join people.ip"},
    {"select page as t from pages g anti join people p on g.page = p.ip", "? join people.ip"},
    {"select page as t, id from pages where page in (select ip from people)",
     "t <- people.ip; ? join people.ip; ? where people.ip"},
    {"select page as t from pages where page = any (select ip from people)",
     "t <- people.ip; ? join people.ip; ? where people.ip"},
    {"select page as t, id from pages where page not in (select ip from people)",
     "? join people.ip; ? where people.ip"},
    {"select page as t from pages g where exists (select 1 from people p where p.ip = g.page)",
     "t <- people.ip; ? where people.ip"},
    {"select page as t from pages g where not exists (select 1 from people p where p.ip = g.page)",
     "? where people.ip"},
    {"select mask_siv(g.page, 'ip') as t from people p join pages g on g.page = p.ip",
     "t <- masked people.ip; ? join people.ip"},
    {"select mask_siv(g.page, 'device') as t from people p join pages g on g.page = p.ip",
     "t <- other form people.ip; ? join people.ip"},
    {"select reveal(g.page, 'why') as t from people p join pages g on g.page = p.ip",
     "t <- revealed people.ip; ? join people.ip"},
    {"select g.page as t from people p join pages g on mask_siv(g.page, 'ip') = mask_siv(p.ip, 'ip')", ""},
    {"select g.page as t from people p join pages g on g.page = mask_siv(p.ip, 'ip')", ""},
    {"select g.page as t from pages g join duckdb_tables() d on g.page = d.table_name",
     "? join people.ip; ? join people.mail; ? join people.born; ? join people.doc; ? join visits.ip"},
    {"select g.page as t from people p join pages g on g.page <> p.ip", "? join people.ip"},
    {"select g.page as t from people p join pages g on g.page = p.name and p.ip = '1.2.3.4'", "? where people.ip"},
    {"select p.ip = v.ip as t, p.name from people p, visits v where p.ip = v.ip",
     "t <- people.ip; t <- visits.ip; ? where people.ip; ? where visits.ip"},
    {"with r as (select page as x, page as y from pages) select y as t from r join people p on x = p.ip",
     "t <- people.ip; ? join people.ip"},
    {"select l.page as t from people p, lateral (select g.page from pages g where g.page = p.ip) l",
     "t <- people.ip; ? where people.ip"},
    {"select g.page as t from pages g where g.page in (select p.ip from people p where p.id = g.id)",
     "t <- people.ip; ? join people.ip; ? where people.ip"},
    {"select first(g.page) as t from pages g, people p group by g.id having first(g.page) = max(p.ip)",
     "t <- people.ip; ? where people.ip"},
    {"select g.page as t from pages g asof join people p on g.page = p.ip and g.id >= p.id",
     "t <- people.ip; ? join people.ip"},
    {"select x as t from (select unnest(['a', 'b']) as x) r join people p on x = p.ip",
     "t <- people.ip; ? join people.ip"},
    {"select g.page as t from pages g where (select count(*) from people p where p.ip = g.page) > 0",
     "t <- people.ip; ? where people.ip"},
    {"select g.page as t from pages g, people p where {'a': g.page} = {'a': p.ip}",
     "t <- people.ip; ? where people.ip"},
    {"select page as t from pages natural join (select ip as page, name from people) p",
     "t <- people.ip; ? join people.ip"},
    {"select page as t from pages where page = (select max(ip) from people)", "t <- people.ip; ? where people.ip"},
    // what a tagged column bounds from both sides
    {"select x from people, range(1000) v(x) where x between length(ip) and length(ip)",
     "x <- people.ip; ? where people.ip"},
    {"select x from people, range(1000) v(x) where x >= length(ip) and x <= length(ip)",
     "x <- people.ip; ? where people.ip"},
    {"select x from people join range(1000) v(x) on x > length(ip) - 1 and x < length(ip) + 1",
     "x <- people.ip; ? join people.ip"},
    {"select y from (select x, x * 2 as y from range(1000) v(x)) v join people on x >= length(ip) where not x > "
     "length(ip)",
     "y <- people.ip; ? join people.ip; ? where people.ip"},
    {"select x from people, range(1000) v(x) where x - length(ip) >= 0 and length(ip) - x >= 0",
     "x <- people.ip; ? where people.ip"},
    {"select x from people, range(1000) v(x) where x - length(ip) = 0", "x <- people.ip; ? where people.ip"},
    {"select x from people, range(1000) v(x) where abs(x - length(ip)) < 1", "x <- people.ip; ? where people.ip"},
    {"select x from people, range(1000) v(x) where (case when x < length(ip) then 1 when x > length(ip) then 2 end) is "
     "null",
     "x <- people.ip; ? where people.ip"},
    {"select x from people, range(1000) v(x) order by abs(x - length(ip)) limit 1",
     "x <- people.ip; ? order by people.ip"},
    {"select x from range(1000) v(x) where x >= any (select length(ip) from people) and x <= any (select length(ip) "
     "from people)",
     "x <- people.ip; ? join people.ip; ? where people.ip"},
    {"select x from range(1000) v(x) anti join people on x <> length(ip)", "x <- people.ip; ? join people.ip"},
    {"select x from people asof join range(1000) v(x) on length(ip) >= x", "x <- people.ip; ? join people.ip"},
    {"select g.id, g.page from pages g join people p on p.ip between g.page and g.page || 'a'",
     "page <- people.ip; ? join people.ip"},
    {"select page, d, price from (select page, page || 'z' as d, price from pages) g join people p on p.ip >= g.page "
     "and p.ip <= g.d",
     "page <- people.ip; d <- people.ip; ? join people.ip"},
    {"select p.name, g.price from people p join pages g on p.ip between g.page and g.page || 'a'", "? join people.ip"},
    {"select d from people, (select current_date as d) where d > born", "? where people.born"},
    {"select d, e from people, (select date '2020-01-01' as d, date '2020-01-01' as e) where d > born and e >= born + "
     "interval 18 year and born > '1900-01-01'",
     "? where people.born"},
    {"select x from people, range(9) v(x) where x::text between mask_siv(ip, 'ip') and mask_siv(ip, 'ip')", ""},
    {"select x from range(1000) v(x) where exists (select 1 from people where length(ip) >= x and length(ip) <= x)",
     "x <- people.ip; ? where people.ip"},
    {"select x from range(1000) v(x) where exists (select 1 from people where ip >= x::text) and exists (select 1 from "
     "people where ip <= x::text)",
     "x <- people.ip; ? where people.ip"},
    {"select a.x, b.y from people, range(1000) a(x), range(1000) b(y) where x = y and x >= length(ip) and y <= "
     "length(ip)",
     "x <- people.ip; y <- people.ip; ? where people.ip"},
    {"select x from people, range(1000) v(x) group by x having count(*) filter (where x < length(ip)) = 0 and count(*) "
     "filter (where x > length(ip)) = 0",
     "x <- people.ip; ? filter people.ip"},
    {"select x from people, range(1000) v(x) order by x < length(ip), x limit 1",
     "x <- people.ip; ? order by people.ip"},
    {"select any_value(x) as x from people, range(1000) v(x) group by x = length(ip)",
     "x <- people.ip; ? group by people.ip"},
    {"select count(*) as n from (select page from pages union select ip from people)", "? union people.ip"},
    {"select x from people, range(1000) v(x) where x >= length(ip) order by x", "? where people.ip"},
    {"select x from range(99) v(x) where not exists (select 1 from people p where p.id = 1 and length(p.ip) <> x)",
     "x <- people.ip; ? where people.ip"},
    {"select x from range(99) v(x) where not exists (select 1 from people where length(ip) < x) and not exists (select "
     "1 from people where length(ip) > x)",
     "x <- people.ip; ? where people.ip"},
    {"select x from range(99) v(x) where not exists (select 1 from people where length(ip) = x)", "? where people.ip"},
    {"select count(*) as n from (select 1 from range(99) limit (select max(length(ip)) from people))",
     "n <- people.ip; ? limit people.ip"},
    // what is compared to a tagged column by a function
    {"select page from pages, people where page like ip", "page <- people.ip; ? where people.ip"},
    {"select page from pages, people where ip ilike page", "page <- people.ip; ? where people.ip"},
    {"select page from pages join people on page similar to ip", "page <- people.ip; ? join people.ip"},
    {"select page from pages join people on regexp_matches(ip, page)", "page <- people.ip; ? join people.ip"},
    {"select page from pages join people on page glob ip", "page <- people.ip; ? join people.ip"},
    {"select page from pages join people on starts_with(page, ip) or contains(ip, page)",
     "page <- people.ip; ? join people.ip"},
    {"select page from pages where list_has_any([page], (select list(ip) from people))",
     "page <- people.ip; ? where people.ip"},
    {"select page from pages where list_contains((select list(ip) from people), page)",
     "page <- people.ip; ? where people.ip"},
    {"select page from pages, people where levenshtein(page, ip) = 0", "page <- people.ip; ? where people.ip"},
    {"select page from pages, people where jaccard(page, ip) > 0.99", "page <- people.ip; ? where people.ip"},
    {"select page from pages, people where strpos(page, ip) = 1", "page <- people.ip; ? where people.ip"},
    {"select page from pages, people where len(list_filter([page], lambda e: e = ip)) > 0",
     "page <- people.ip; ? where people.ip"},
    {"select page from (select page, page like ip as same from pages, people) where same",
     "page <- people.ip; ? where people.ip"},
    {"select id from pages where page like 'a%' and id in (select id from people where ip like '10.%')",
     "? where people.ip"},
    {"select g.id, g.price from pages g, people p where g.page like p.ip", "? where people.ip"},
    {"select page from pages, people where page like mask_siv(ip, 'ip')", ""},
    // CTEs, recursion, unions
    {"with a as (select ip as x from people), b as (select x as y, x || '!' as z from a) select z from b",
     "z <- people.ip"},
    {"with a as materialized (select ip, id from people) select m.id, n.ip from a m join a n using (id)",
     "ip <- people.ip"},
    {"with a as (select mask_siv(ip, 'ip') as ip from people) select ip from a", "ip <- masked people.ip"},
    {"with recursive r as (select 1 as n, ip as s from people union all select n + 1, s || '.' from r where n < 3) "
     "select s, n from r",
     "s <- people.ip"},
    {"with recursive r(a, b) as (select name, ip from people union select b, a from r) select a from r",
     "a <- people.ip"},
    {"with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select n from r", ""},
    {"select name as x from people union all select ip from people", "x <- people.ip"},
    {"select id as x, name as y from people union by name select page as y, ip as z from visits",
     "z <- visits.ip; ? union visits.ip"},
    {"select mask_siv(x, 'ip') as m from (select ip as x from people union all select mail from people)",
     "m <- masked people.ip; m <- other form people.mail"},
    {"select page from visits except select ip from people", "page <- people.ip; ? except people.ip"},
    {"select page from visits intersect select page from pages", ""},
    // sub-queries
    {"select (select max(ip) from people) as a, id from pages", "a <- people.ip"},
    {"select (select p.ip from people p where p.id = v.id) as a, v.page from visits v", "a <- people.ip"},
    {"select (select mask_siv(v.ip, 'ip')) as a from visits v", "a <- masked visits.ip"},
    {"select (select v.ip || g.page from pages g where g.id = v.id) as a from visits v", "a <- visits.ip"},
    {"select (select (select v.ip || p.mail) from people p limit 1) as a, v.id from visits v",
     "a <- visits.ip; a <- people.mail"},
    {"select id from pages where id in (select id from people)", ""},
    {"select id from pages where page in (select ip from people)", "? join people.ip; ? where people.ip"},
    {"select page in (select ip from people) as a from pages", "a <- people.ip; ? join people.ip"},
    {"select page from pages g where exists (select 1 from visits v where v.ip = g.page)",
     "page <- visits.ip; ? where visits.ip"},
    {"select exists (select 1 from people p where p.ip = v.ip) as a from visits v",
     "a <- visits.ip; ? where people.ip; ? where visits.ip"},
    {"select id from pages where price > all (select id from people)", ""},
    {"select (with a as materialized (select v.ip as x, v.page as y) select x from a) as a from visits v",
     "a <- visits.ip"},
    {"select (with a as materialized (select v.ip as x, v.page as y) select y from a) as a from visits v", ""},
    {"select (with recursive r as (select 1 as n, v.page as s union all select n + 1, s || v.ip from r where n < 3) "
     "select max(s) from r) as a from visits v",
     "a <- visits.ip; ? group by visits.ip; ? join visits.ip"},
    {"select (select x from (select v.page as x union all select v.ip) limit 1) as a from visits v", "a <- visits.ip"},
    {"select l.m, l.q from visits v, lateral (select p.name as m, (select v.ip || p.mail) as q from people p) l",
     "q <- visits.ip; q <- people.mail"},
    {"select (select count(*) from people p where p.id = v.id) as a, v.page from visits v", ""},
    {"select v.page, (select g.price from pages g where g.page = v.ip) as a from visits v",
     "a <- visits.ip; ? where visits.ip"},
    {"select array(select ip from people) as a", "a <- people.ip"},
    // whose rows depend on a tagged column
    {"select (select string_agg(chr(c::int), '' order by p) from range(1, 20) t(p), range(32, 127) u(c) where "
     "ascii(substr(ip, p::int, 1)) between c and c and p <= length(ip)) as a from people",
     "a <- people.ip; ? where people.ip"},
    {"select (select count(*) from range(length(ip))) as a from people", "a <- people.ip; ? table function people.ip"},
    {"select (select sum(1) from range(ascii(mail))) as a from people",
     "a <- people.mail; ? table function people.mail"},
    {"select (select max(id) from pages g where g.id <= length(p.ip)) as a from people p",
     "a <- people.ip; ? where people.ip"},
    {"select (select price from pages g order by g.id = length(p.ip) limit 1) as a from people p",
     "a <- people.ip; ? order by people.ip"},
    {"select (select count(*) filter (where g.id < length(p.ip)) from pages g) as a from people p",
     "a <- people.ip; ? filter people.ip"},
    {"select (select g.id from pages g group by g.id having count(*) < length(p.ip) limit 1) as a from people p",
     "a <- people.ip; ? where people.ip"},
    {"select (select count(*) from (select page from pages intersect select p.ip)) as a from people p",
     "a <- people.ip; ? intersect people.ip"},
    {"select (select (select count(*) from range(length(p.ip)))) as a from people p",
     "a <- people.ip; ? table function people.ip"},
    {"select (with recursive r as (select 1 as i union all select i + 1 from r where i < length(p.ip)) select max(i) "
     "from r) as a from people p",
     "a <- people.ip; ? where people.ip; ? group by people.ip; ? join people.ip"},
    {"select l.a, l.b, p.name from people p, lateral (select g.id as a, 'x' as b from pages g where g.id < "
     "length(p.ip)) l",
     "a <- people.ip; b <- people.ip; ? where people.ip"},
    {"select p.id, count(*) as n from people p, lateral (select 1 from pages g where g.id < length(p.ip)) l group by "
     "p.id",
     "n <- people.ip; ? where people.ip"},
    {"select p.id, count(*) as n, sum(1) as s, max(p.name) as m from people p, range(length(p.ip)) t group by p.id",
     "n <- people.ip; s <- people.ip; ? table function people.ip"},
    {"with c as materialized (select p.id from people p, range(length(p.ip)) t) select id, count(*) as n from c group "
     "by id",
     "n <- people.ip; ? table function people.ip"},
    {"select id, row_number() over () as n from (select id, unnest(string_split(ip, '.')) from people)",
     "n <- people.ip; ? unnest people.ip"},
    {"with recursive r as (select id, length(ip) as l, 1 as i from people union all select id, l, i + 1 from r where "
     "i < l) select id, max(i) as m, count(*) as n from r group by id",
     "id <- people.ip; m <- people.ip; n <- people.ip; ? where people.ip; ? group by people.ip"},
    {"select (select count(*) from pages g where g.id > p.id) as a, p.name from people p where length(p.ip) > 3",
     "? where people.ip"},
    {"select (select count(*) from people q where q.ip > 'x' and q.id = p.id) as a from people p", "? where people.ip"},
    {"select (select g.price from pages g where g.page = mask_siv(p.ip, 'ip')) as a from people p", ""},
    {"select (select count(*) from range(p.id)) as a, p.name from people p", ""},
    {"select (select max(g.price) from pages g where g.id = p.id group by p.name) as a, ip is null as b from people p",
     ""},
    {"select l.price from people p, lateral (select g.price, p.ip || 'x' as i from pages g where g.id = p.id) l", ""},
    {"select l.x from people p, lateral (select p.ip || v.page as x from visits v where v.id = p.id) l",
     "x <- people.ip"},
    {"select p.id, u.x from people p, unnest([p.ip, p.name]) u(x)", "x <- people.ip; ? table function people.ip"},
    {"select id, mask_key() as k from people", ""},
    {"select mask_key() || ip as k from people", "k <- people.ip"},
    {"select id from people where ip = '1.2.3.4'", "? where people.ip"},
    {"select id from people where mask_siv(ip, 'ip') = 'k1.x'", ""},
    {"select id from people order by ip", "? order by people.ip"},
    {"select id from people order by mask_siv(ip, 'ip') limit 3", ""},
    {"select id from people limit (select count(*) from visits where ip = '1.2.3.4')", "? where visits.ip"},
    {"select id from people using sample 10 rows", ""},
    // other relations
    {"select * from (values ('a', 1), ('b', 2)) t(x, y)", ""},
    {"select x from people p, lateral (values (p.ip), (p.name)) t(x)", "x <- people.ip"},
    {"select n from range(3) t(n)", ""},
    {"select p.name, j.value from people p, json_each(p.doc) j", "value <- people.doc; ? table function people.doc"},
    {"select g.id, j.value from pages g, json_each(g.page) j", ""},
    {"select x from generate_series(1, 3) t(x) where x in (select id from people)", ""},
    {"select * from (select input as x from (select ip as input from visits))", "x <- visits.ip"},
    {"select p.name, n from people p, range(length(p.ip)) t(n)", "n <- people.ip; ? table function people.ip"},
    {"select table_name from duckdb_tables() where false",
     "table_name <- people.ip; table_name <- people.mail; table_name <- people.born; table_name <- people.doc; "
     "table_name <- visits.ip"},
    {"select * from query('select ip from people')", "ip <- people.ip"},
    {"select * from query_table('visits')", "ip <- visits.ip"},
    {"pivot visits on page in ('a', 'b') using count(*) group by id", ""},
    {"pivot visits on page in ('a', 'b') using min(ip) group by id", "a <- visits.ip; b <- visits.ip"},
    {"pivot visits on id in (1, 2) using count(*) group by ip", "ip <- visits.ip; ? group by visits.ip"},
    {"pivot visits on ip in ('1.1.1.1') using count(*) group by page", "? filter visits.ip"},
    {"select * from (pivot visits on id in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, "
     "22) "
     "using min(page) as m group by ip)",
     "ip <- visits.ip; ? group by visits.ip"},
    {"select \"1\", page from (pivot visits on id in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, "
     "19, "
     "20, 21, 22) using min(ip) group by page)",
     "1 <- visits.ip"},
    {"select \"1_n\", page from (pivot visits on id in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, "
     "19, 20, 21, 22) using count(ip) as n, count(*) as m group by page)",
     ""},
    {"pivot people on mail in ('x') using count(*) group by name", "? filter people.mail"},
    {"select * from (pivot (select id, ip, page from visits) on ip in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, "
     "15, 16, 17, 18, 19, 20, 21, 22) using min(id) group by page)",
     "1 <- visits.ip; 2 <- visits.ip; 3 <- visits.ip; 4 <- visits.ip; 5 <- visits.ip; 6 <- visits.ip; 7 <- visits.ip; "
     "8 <- visits.ip; 9 <- visits.ip; 10 <- visits.ip; 11 <- visits.ip; 12 <- visits.ip; 13 <- visits.ip; 14 <- "
     "visits.ip; 15 <- visits.ip; 16 <- visits.ip; 17 <- visits.ip; 18 <- visits.ip; 19 <- visits.ip; 20 <- visits.ip; "
     "21 <- visits.ip; 22 <- visits.ip; ? group by visits.ip"},
    {"pivot (select id, mail from people) on mail in ('x')", "? filter people.mail"},
    {"from (select mail, id from people) pivot (max(id) for mail in ('x'))", "? filter people.mail"},
    {"unpivot (select id, ip, page from visits) on ip, page into name n value v",
     "v <- visits.ip; ? unnest visits.ip; ? where visits.ip"},
    {"select column_name, min from (summarize visits)", "min <- visits.ip"},
    {"select column_name from (describe visits)", ""},
};

TEST_F(LineageTest, each_query_tells_which_tagged_columns_arrive_and_how) {
  static_assert(std::size(rows) >= 60);
  for (const Row& row : rows) EXPECT_EQ(told(row.sql), row.told) << row.sql;
}

// The three tables with rows in them. Two of these differ in tagged columns alone, and in those only in what the
// values are: which of them are NULL and which are equal stays the same.
class Filled {
 public:
  Filled(const mask::Keyring& keyring, const std::string& network, const std::string& host, const std::string& year)
      : connection_(database_) {
    register_functions(connection_, &keyring, 0);
    query("create table people (id int, name text, ip text, mail text, born date, doc json)");
    query("create table visits (id int, ip text, page text)");
    query("create table pages (id int, page text, price decimal(10, 2))");
    query("insert into people values (1, 'ann', '" + network + ".1', 'a@" + host + "', '" + year +
          "-01-02', '{\"b\": \"" + host + "\"}'), (2, 'bob', '" + network + ".2', 'b@" + host + "', '" + year +
          "-03-04', '{\"c\": \"" + host + "\"}'), (3, 'cy', null, null, null, null)");
    query("insert into visits values (1, '" + network + ".1', 'a'), (1, '" + network + ".1', 'b'), (2, null, 'a')");
    query("insert into pages values (1, 'a', 1.5), (2, 'b', 2.5), (3, 'c', 3.5)");
  }

  // The columns with these numbers, as lines in an order of their own; empty where the query fails.
  std::optional<std::vector<std::string>> lines(const std::string& sql, const std::vector<std::size_t>& columns) {
    const auto result = connection_.Query(sql);
    if (result->HasError()) return std::nullopt;
    std::vector<std::string> lines;
    for (std::size_t row = 0; row < result->RowCount(); ++row) {
      std::string line;
      for (const std::size_t column : columns) line += result->GetValue(column, row).ToString() + " | ";
      lines.push_back(std::move(line));
    }
    std::ranges::sort(lines);
    return lines;
  }

 private:
  void query(const std::string& sql) {
    const auto result = connection_.Query(sql);
    EXPECT_FALSE(result->HasError()) << result->GetError();
  }

  duckdb::DuckDB database_;
  duckdb::Connection connection_;
};

// The promise itself: where no warning stands, a column that is called clean is the same whatever the tagged
// values are.
TEST_F(LineageTest, what_is_called_clean_does_not_change_with_the_tagged_values) {
  Filled one(*keyring, "10.0.0", "example.com", "1970");
  Filled other(*keyring, "192.168.7", "example.org", "2001");
  std::size_t compared = 0;
  std::size_t told_apart = 0;
  for (const Row& row : rows) {
    const auto lineage = trace(row.sql);
    ASSERT_TRUE(lineage) << row.sql;
    if (!lineage->implicit.empty()) continue;
    std::vector<std::size_t> clean;
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < lineage->columns.size(); ++i) {
      all.push_back(i);
      const bool tagged = std::ranges::any_of(
          lineage->paths, [i](const PersonalPath& path) { return path.number == i && !path.pii.empty(); });
      if (!tagged) clean.push_back(i);
    }
    const auto in_one = one.lines(row.sql, clean);
    const auto in_other = other.lines(row.sql, clean);
    EXPECT_EQ(in_one, in_other) << row.sql;
    if (in_one && !in_one->empty() && !clean.empty()) ++compared;
    if (one.lines(row.sql, all) != other.lines(row.sql, all)) ++told_apart;
  }
  // Else this would prove nothing.
  EXPECT_GT(compared, 40U);
  EXPECT_GT(told_apart, 40U);
}

// Literals may be personal: "where ip = '1.2.3.4'". Those of a domain and of a reason are not.
TEST_F(LineageTest, no_path_holds_a_literal) {
  for (const Row& row : rows) {
    const auto lineage = trace(row.sql);
    ASSERT_TRUE(lineage) << row.sql;
    for (const PersonalPath& path : lineage->paths) {
      for (const char* literal : {"1.2.3.4", "1%", "'a'", "'x'", "'!'", "@("}) {
        EXPECT_EQ((path.path + path.column + path.source).find(literal), std::string::npos) << row.sql << path.path;
      }
    }
  }
}

}  // namespace
}  // namespace sluice::engine
