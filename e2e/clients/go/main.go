// What go-sql-driver/mysql is asked to do.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	_ "github.com/go-sql-driver/mysql"
)

const long = "SELECT COUNT(*) FROM Source a JOIN Source b USING (objectId) JOIN Source c USING (objectId) " +
	"JOIN Source d USING (objectId) JOIN Source e USING (objectId) JOIN Source f USING (objectId) " +
	"JOIN Source g USING (objectId) JOIN Source h USING (objectId) " +
	"WHERE a.psfFlux * b.psfFlux + c.psfFlux * d.psfFlux > RAND()"

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func expect[T comparable](got, expected T) {
	if got != expected {
		log.Fatalf("%v is not %v", got, expected)
	}
}

func main() {
	db, err := sql.Open("mysql", "admin:admin@tcp(127.0.0.1:"+os.Getenv("ORRERY_PORT")+")/sky?parseTime=true")
	must(err)
	must(db.Ping())
	fmt.Println("connect")

	var count int
	must(db.QueryRow("SELECT COUNT(*) FROM Object").Scan(&count))
	expect(count, 2000)
	fmt.Println("query")

	statement, err := db.Prepare("SELECT COUNT(*) FROM Object WHERE (? IS NULL OR objectId < ?) AND objectId < ?")
	must(err)
	must(statement.QueryRow(nil, 2, 5).Scan(&count))
	expect(count, 4)
	for _, limit := range []any{7, "7"} {
		rows, err := db.Query("SELECT objectId FROM Object LIMIT ?", limit)
		must(err)
		n := 0
		for rows.Next() {
			n++
		}
		must(rows.Err())
		expect(n, 7)
	}
	fmt.Println("prepare")

	moment := time.Date(2024, 2, 29, 1, 2, 3, 456000, time.UTC)
	var whole int64
	var text string
	var number float64
	var same bool
	must(db.QueryRow("SELECT ?, ?, ?, CAST(? AS DATETIME(6)) = TIMESTAMP'2024-02-29 01:02:03.000456'", int64(9007199254740993), "é'\\", 0.1, moment).
		Scan(&whole, &text, &number, &same))
	expect(whole, 9007199254740993)
	expect(text, "é'\\")
	expect(number, 0.1)
	expect(same, true)
	fmt.Println("types")

	// The driver cancels by closing its connection.
	timed, cancel := context.WithTimeout(context.Background(), time.Second)
	err = db.QueryRowContext(timed, long).Scan(&count)
	cancel()
	if !errors.Is(err, context.DeadlineExceeded) {
		log.Fatalf("was not cancelled: %v", err)
	}
	fmt.Println("cancel")

	db.SetMaxIdleConns(0)
	must(db.QueryRow("SELECT 1").Scan(&count))
	expect(count, 1)
	fmt.Println("reconnect")
}
