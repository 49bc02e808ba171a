-- How many loans each client has paid back; 0 without any. "user" is a reserved word.
select
  u.id as client_id,
  count(l.id) as paid_loans_count
from "user" u
left join loan l on l.client_id = u.id and l.status = 'paid'
group by u.id
order by u.id
