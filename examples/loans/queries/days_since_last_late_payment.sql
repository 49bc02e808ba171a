-- Days since the client's latest payment that came late, up to the as-of date; NULL where there was none. Payments
-- may be scheduled: those after the as-of date have not happened.
with late as (
  select l.client_id, max(p.created_on) as latest
  from payment p
  join loan l on l.id = p.loan_id
  where p.status = 'late' and p.created_on <= :'as_of'::date
  group by l.client_id
)
select
  u.id as client_id,
  :'as_of'::date - late.latest as days_since_last_late_payment
from "user" u
left join late on late.client_id = u.id
order by u.id
