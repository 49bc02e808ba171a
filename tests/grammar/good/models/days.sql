select :'as_of'::date as day
