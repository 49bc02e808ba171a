-- Interest paid on the loans of the last 90 days, as a share of their amounts; NULL without such loans, or where their
-- amount is 0. Payments are summed by loan first: joined as they are, a loan with three payments would count its
-- amount three times. Sums are decimal, so that the order of the rows does not show in the last digit.
-- PostgreSQL divides decimals as decimals, DuckDB as doubles: both give the same ten digits but where the eleventh is
-- a tie to within 16 digits.
with interest as (
  select loan_id, sum(cast(interest as decimal(38, 10))) as paid
  from payment
  where created_on <= :'as_of'::date
  group by loan_id
),
book as (
  select l.client_id,
         sum(cast(l.amount as decimal(38, 10))) as amount,
         sum(coalesce(interest.paid, 0)) as interest
  from loan l
  left join interest on interest.loan_id = l.id
  where l.created_on between :'as_of'::date - 90 and :'as_of'::date
    and l.status <> 'application'
  group by l.client_id
)
select
  u.id as client_id,
  cast(round(book.interest / nullif(book.amount, 0), 10) as decimal(20, 10)) as profit_in_last_90_days_rate
from "user" u
left join book on book.client_id = u.id
order by u.id
