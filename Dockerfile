# The demo in a container: docker build -t tlbench . && docker run --rm -v "$PWD/out:/out" tlbench
# Any command instead: docker run --rm -v "$PWD:/work" -w /work tlbench tlbench list methods
FROM python:3.12-slim
COPY . /tlbench
RUN pip install --no-cache-dir -c /tlbench/constraints.txt /tlbench
WORKDIR /out
CMD ["sh", "-c", "tlbench sweep sweep=demo store=/out/runs && tlbench report --store /out/runs --out /out"]
