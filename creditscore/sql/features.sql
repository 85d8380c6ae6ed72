-- The score features of one person, of some, or of everybody, as they could be known on a date: the only definition.
--
-- Parameters: as_of (date, inclusive, Asia/Shanghai) and customer_ids (uuid[]; NULL = everybody).
-- One row a person with at least one month known in the window; columns: customer_id, months_known, newest_month, then
-- the features of creditscore.engine.features.CATALOGUE by name. Amounts in fen, shares and ratios as double precision.
--
-- Window: the six calendar months that end with the person's newest known month, which is at most three months before
-- as_of's. Several accounts of a person in one month: amounts are summed, the worst status counts.
-- (LEAST and GREATEST skip NULL, hence the CASE around them where NULL must stay NULL.)
-- months_late: -2 no consumption, -1 paid in full, 0 revolving on time, n months late.
WITH known AS (
    -- Of each account and month the version that was known last: corrections replace, later knowledge does not exist.
    SELECT DISTINCT ON (customer_id, month, source, account)
           customer_id, month, source, limit_fen, statement_fen, paid_fen, months_late
    FROM creditscore_accountmonth
    WHERE known_at < (%(as_of)s::date + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'
      AND month >= date_trunc('month', %(as_of)s::date)::date - interval '8 months'
      AND (%(customer_ids)s::uuid[] IS NULL OR customer_id = ANY(%(customer_ids)s::uuid[]))
    ORDER BY customer_id, month, source, account, known_at DESC, id DESC
), by_month AS (
    SELECT customer_id,
           month,
           sum(limit_fen)::float8     AS limit_fen,
           sum(statement_fen)::float8 AS statement_fen,
           sum(paid_fen)::float8      AS paid_fen,
           max(months_late)::float8   AS status,
           string_agg(source, E'\n')  AS sources
    FROM known
    GROUP BY customer_id, month
), dated AS (
    SELECT *, max(month) OVER (PARTITION BY customer_id) AS newest_month
    FROM by_month
), windowed AS (
    SELECT *,
           (extract(year FROM newest_month) - extract(year FROM month))::int * 12
               + (extract(month FROM newest_month) - extract(month FROM month))::int AS age,
           greatest(status, 0)                          AS late,
           statement_fen / greatest(limit_fen, 100)     AS utilisation  -- a line of nothing counts as one yuan
    FROM dated
    WHERE newest_month >= date_trunc('month', %(as_of)s::date)::date - interval '3 months'
      AND month > newest_month - interval '6 months'
), paired AS (
    -- What was owed at the end of the month before, where that month is known too, and what was spent since.
    SELECT *,
           CASE WHEN lag(age) OVER in_order = age + 1 THEN lag(statement_fen) OVER in_order END AS owed_fen,
           first_value(statement_fen) OVER in_order AS statement_oldest_fen
    FROM windowed
    WINDOW in_order AS (PARTITION BY customer_id ORDER BY month)
), months AS (
    SELECT *,
           CASE WHEN owed_fen > 0 THEN least(paid_fen / owed_fen, 10) END AS cover,
           statement_fen - owed_fen + paid_fen                           AS spent_fen
    FROM paired
), people AS (
    SELECT customer_id,
           count(*)                                         AS months_known,
           max(newest_month)                                AS newest_month,
           -- credit history
           max(late) FILTER (WHERE age = 0)                 AS late_latest,
           max(late)                                        AS late_worst,
           coalesce(max(late) FILTER (WHERE age > 0), 0)    AS late_worst_earlier,
           avg(late)                                        AS late_mean,
           avg((late > 0)::int::float8)                     AS late_share,
           coalesce(min(age) FILTER (WHERE late > 0), 6)    AS months_since_late,
           coalesce(regr_slope(late, -age), 0)              AS late_slope,
           -- capacity
           max(limit_fen) FILTER (WHERE age = 0)            AS limit_fen,
           max(paid_fen) FILTER (WHERE age = 0)             AS paid_latest_fen,
           coalesce(max(paid_fen) FILTER (WHERE age = 1), avg(paid_fen)) AS paid_previous_fen,
           avg(paid_fen)                                    AS paid_mean_fen,
           min(paid_fen)                                    AS paid_least_fen,
           avg((paid_fen > 0)::int::float8)                 AS paid_months_share,
           stddev_pop(paid_fen)                             AS paid_spread_fen,
           sum(paid_fen)                                    AS paid_fen,
           max(cover) FILTER (WHERE age = 0)                AS cover_latest,
           sum(paid_fen) FILTER (WHERE owed_fen IS NOT NULL) AS paid_after_known_fen,
           sum(greatest(owed_fen, 0)) FILTER (WHERE owed_fen IS NOT NULL) AS owed_fen,
           min(cover)                                       AS cover_worst,
           coalesce(avg((owed_fen > 0 AND paid_fen * 20 < owed_fen)::int::float8), 0) AS small_payment_share,
           -- behaviour
           max(utilisation) FILTER (WHERE age = 0)          AS utilisation_latest,
           avg(utilisation)                                 AS utilisation_mean,
           coalesce(regr_slope(utilisation, -age), 0)       AS utilisation_slope,
           max(statement_fen) FILTER (WHERE age = 0)        AS statement_latest_fen,
           stddev_pop(statement_fen)                        AS statement_spread_fen,
           min(statement_oldest_fen)                        AS statement_oldest_fen,
           coalesce(max(spent_fen) FILTER (WHERE age = 0), 0) AS spent_latest_fen,
           coalesce(avg(spent_fen), 0)                      AS spent_mean_fen,
           avg((status = 0)::int::float8)                   AS revolving_share,
           avg((status = -1)::int::float8)                  AS paid_in_full_share,
           avg((status = -2)::int::float8)                  AS idle_share,
           -- network
           string_agg(sources, E'\n')                       AS sources
    FROM months
    GROUP BY customer_id
)
SELECT customer_id,
       months_known,
       newest_month,
       late_latest,
       late_worst,
       late_worst_earlier,
       late_mean,
       late_share,
       months_since_late::float8                            AS months_since_late,
       late_slope,
       limit_fen,
       limit_fen - statement_latest_fen                     AS headroom_fen,
       paid_latest_fen,
       paid_previous_fen,
       paid_mean_fen,
       paid_least_fen,
       paid_months_share,
       paid_mean_fen / greatest(limit_fen, 100)             AS paid_to_limit,
       paid_spread_fen / greatest(limit_fen, 100)           AS paid_spread_to_limit,
       cover_latest,
       CASE WHEN owed_fen > 0 THEN least(paid_after_known_fen / owed_fen, 10) END AS cover_all,
       cover_worst,
       small_payment_share,
       utilisation_latest,
       utilisation_mean,
       utilisation_slope,
       statement_latest_fen,
       statement_spread_fen,
       CASE WHEN paid_fen > 0 THEN greatest(-10, least(10,
           (greatest(statement_latest_fen, 0) - greatest(statement_oldest_fen, 0)) / paid_fen)) END AS debt_growth_to_paid,
       spent_latest_fen / greatest(limit_fen, 100)          AS spending_latest_to_limit,
       spent_mean_fen / greatest(limit_fen, 100)            AS spending_mean_to_limit,
       revolving_share,
       paid_in_full_share,
       idle_share,
       ((extract(year FROM newest_month) - extract(year FROM first.month)) * 12
           + extract(month FROM newest_month) - extract(month FROM first.month) + 1)::float8 AS months_on_file,
       (SELECT count(DISTINCT source) FROM string_to_table(sources, E'\n') AS source)::float8 AS source_count
FROM people
CROSS JOIN LATERAL (
    SELECT min(month) AS month
    FROM creditscore_accountmonth
    WHERE customer_id = people.customer_id
      AND known_at < (%(as_of)s::date + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'
) AS first
